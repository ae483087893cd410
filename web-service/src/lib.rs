//! The service that browsers and API clients speak to: cookie sessions, pages, a REST API. It holds no key that signs or
//! verifies an access token; it asks auth-service.

pub mod app;
pub mod cli;
pub mod clients;
pub mod config;
pub mod crypto;
pub mod domain;
pub mod envoy;
pub mod http;
pub mod request_id;
pub mod storage;
pub mod tls;
