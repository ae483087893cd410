//! The HTTPS port: the route table, the pipeline before it, the handlers, and the listener.

mod api;
mod body;
mod content_type;
pub mod cors;
mod csrf;
pub(crate) mod dbsc;
mod dpop;
mod error_format;
pub mod events;
mod extract;
mod forward_auth;
mod head;
mod header_timeout;
mod headers;
mod load_shed;
mod metrics;
mod oauth;
mod pages;
mod pipeline;
mod probe;
mod request_id;
mod request_span;
mod route;
mod router;
mod routes;
mod serve;
#[cfg(test)]
mod serve_tests;
mod set_cookie;
pub mod signals;
pub mod state;
mod thread_per_core;
mod time;

pub(crate) use self::metrics::register as register_metrics;
pub use csrf::{CsrfCheck, CsrfExemption};
pub use error_format::ErrorFormat;
pub use load_shed::PLACES;
pub use route::{Route, RouteMethod};
pub use routes::ROUTES;
pub use serve::{Port, serve};
