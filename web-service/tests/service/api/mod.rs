//! Routes below `/api` and `/.well-known`.

mod jwks;
mod login;
mod logins;
mod logout;
mod openapi;
mod profile;
mod refresh;
mod session;
mod session_token;
