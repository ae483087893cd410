//! Routes below `/api` and `/.well-known`.

mod factors;
mod jwks;
mod login;
mod login_steps;
mod logins;
mod logout;
mod openapi;
mod passwords;
mod profile;
mod reauthenticate_steps;
mod refresh;
mod related_origins;
mod security_events;
mod session;
mod session_token;
mod trusted_browsers;
