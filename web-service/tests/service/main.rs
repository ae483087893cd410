//! web-service as its clients see it: HTTPS on a real port, a real auth-service behind it, and one clock for both that
//! the test moves.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod api_login;
mod api_profile;
mod api_session;
mod csrf;
mod device;
mod dpop;
mod ext_authz;
mod forward_auth;
mod oauth;
mod outdated_form;
mod pages;
mod rate_limit;
mod reauthenticate;
mod request_head;
mod response_headers;
mod session_id;
mod sessions;
mod support;
