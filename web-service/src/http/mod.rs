//! The HTTPS port: every route, what guards it, and what it answers.

mod api;
mod body;
mod content_type;
mod cookies;
mod csrf;
mod dbsc;
mod dpop;
mod error_format;
mod form;
pub(crate) mod forward_auth;
mod head;
mod header_timeout;
mod headers;
mod load_shed;
mod next;
mod oauth;
mod pages;
mod pipeline;
mod request_id;
pub(crate) mod request_source;
mod route;
mod router;
mod routes;
mod serve;
#[cfg(test)]
mod serve_tests;
mod service_error;
mod signed_in;
pub mod state;
mod thread_per_core;
mod time;

pub use cookies::session_id;
pub use error_format::ErrorFormat;
pub use load_shed::PLACES;
pub use route::{CsrfCheck, CsrfExemption, Route, RouteMethod};
pub use routes::ROUTES;
pub use serve::{Port, serve};
