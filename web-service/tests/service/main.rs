//! web-service as its clients see it: HTTPS on a real port, a real auth-service behind it, and one clock for both that
//! the test moves.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod api_login;
mod api_profile;
mod api_session;
mod csrf;
mod device;
mod dpop;
mod envoy;
mod headers;
mod heads;
mod installations;
mod jwks;
mod login;
mod logins;
mod logout;
mod oauth;
mod older_tab;
mod openapi;
mod password;
mod rotation;
mod sessions;
mod spellings;
mod step_up;
mod support;
mod throttle;
mod verify;
