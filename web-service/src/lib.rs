//! The service that browsers and API clients speak to: cookie sessions, pages, a REST API. It holds no key that signs or
//! verifies an access token; it asks auth-service.

pub mod app;
pub mod cli;
pub mod config;
pub mod ext_authz;
pub mod forward_auth;
pub mod http;
pub mod request;
pub mod service_error;
pub mod session;
pub mod tls;
