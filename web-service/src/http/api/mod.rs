//! The REST API: JSON for API clients, and for scripts of pages.

pub(super) mod applications;
pub(super) mod docs;
pub(super) mod factors;
pub(super) mod jwks;
pub(super) mod login;
pub(super) mod logins;
pub(super) mod logout;
pub(super) mod openapi;
pub(super) mod passkeys;
pub(super) mod passwords;
pub(super) mod problem;
pub(super) mod profile;
pub(super) mod reauthenticate;
pub(super) mod refresh;
pub(super) mod related_origins;
pub(super) mod security_events;
pub(super) mod session;
pub(super) mod session_token;
mod steps;
pub(super) mod tokens;
pub(super) mod trusted_browsers;
