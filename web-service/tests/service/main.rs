//! web-service through its port, as its clients use it: HTTPS, a real auth-service behind it, and a clock of both that the test
//! controls. Paths follow routes: `api/login.rs` is about `/api/login`, `pages/login.rs` about `/login`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod api;
mod auth_client;
mod authorization;
mod conformance;
mod content_type;
mod cookie_prefix;
mod csrf;
mod device_binding;
mod dpop;
mod events;
mod ext_authz;
mod forward_auth;
mod oauth;
mod outdated_form;
mod pages;
mod probe;
mod rate_limit;
mod reauthenticate;
mod request_head;
mod response_headers;
mod session_id;
mod sessions;
mod signals;
mod support;
