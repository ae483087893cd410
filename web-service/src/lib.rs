//! The service for browsers and API clients: cookie sessions, pages, a REST API. It has no key that signs or verifies access tokens:
//! auth-service issues and validates them.

pub mod app;
pub mod cli;
pub mod config;
pub mod doctor;
pub mod ext_authz;
pub mod forward_auth;
pub mod http;
mod issuer;
pub mod request;
pub mod service_error;
pub mod session;
pub mod tls;
