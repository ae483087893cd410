//! Pages for people: HTML that works without JavaScript.

pub(super) mod assets;
pub(super) mod dashboard;
pub(super) mod device_check;
pub(super) mod error;
pub(super) mod external_redirect;
mod form_error;
pub(super) mod home;
pub(super) mod login;
pub(super) mod logins;
pub(super) mod logout;
pub(super) mod password;
pub(super) mod reauthenticate;
mod render;
pub(super) mod self_reload;
pub(super) mod trailing_slash;
