//! Pages for people: HTML that works without JavaScript.

pub(super) mod again;
pub(super) mod assets;
pub(super) mod confirm;
pub(super) mod dashboard;
pub(super) mod error;
pub(super) mod home;
pub(super) mod load_again;
pub(super) mod login;
pub(super) mod logins;
pub(super) mod logout;
pub(super) mod onward;
pub(super) mod password;
mod render;
pub(super) mod trailing_slash;
mod trouble;
