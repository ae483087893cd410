//! Pages for people: HTML that works without JavaScript.

pub(super) mod assets;
pub(super) mod dashboard;
pub(super) mod device_check;
pub(super) mod error;
pub(super) mod external_redirect;
mod factor_form;
mod form_error;
pub(super) mod home;
pub(super) mod login;
pub(super) mod logins;
pub(super) mod logout;
pub(super) mod notices;
pub(super) mod passkeys;
pub(super) mod password;
pub(super) mod passwordless;
mod qr_code;
pub(super) mod reauthenticate;
pub(super) mod recovery_codes;
mod render;
pub(super) mod security;
pub(super) mod self_reload;
pub(super) mod totp;
pub(super) mod trailing_slash;
pub(super) mod trusted_browsers;
