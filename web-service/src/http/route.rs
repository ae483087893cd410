//! What the route table says of one route.

use axum::{
    handler::Handler,
    http::Method,
    routing::{MethodRouter, any, delete, get, patch, post, put},
};

use crate::http::{
    csrf::CsrfCheck, error_format::ErrorFormat, metrics::RouteMetrics, state::AppState,
};

/// One entry of the [route table](crate::http::routes::ROUTES).
pub struct Route {
    /// The methods that it serves.
    pub method: RouteMethod,
    /// The path pattern: `{name}` matches one segment, `{*name}` one or more.
    pub path: &'static str,
    /// The form of errors, of the handler and of the pipeline before it.
    pub error_format: ErrorFormat,
    /// What is required of a request with an unsafe method.
    pub csrf: CsrfCheck,
    /// The label of the route in metrics and logs: constant, whatever the path parameters are.
    pub name: &'static str,
    /// What is counted of it.
    pub(super) metrics: &'static RouteMetrics,
    /// Makes axum's form of the handler.
    pub(super) handler: fn() -> MethodRouter<AppState>,
}

/// The methods that a route accepts. `HEAD` is accepted where `GET` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteMethod {
    /// `GET`, and `HEAD` without the body.
    Get,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `PATCH`.
    Patch,
    /// `DELETE`.
    Delete,
    /// Every method.
    Any,
}

impl Route {
    /// Whether this entry serves requests of a method.
    #[must_use]
    pub fn serves(&self, method: &Method) -> bool {
        match self.method {
            RouteMethod::Get => method == Method::GET || method == Method::HEAD,
            RouteMethod::Post => method == Method::POST,
            RouteMethod::Put => method == Method::PUT,
            RouteMethod::Patch => method == Method::PATCH,
            RouteMethod::Delete => method == Method::DELETE,
            RouteMethod::Any => true,
        }
    }

    /// Whether it serves a method that may change something (RFC 9110 §9.2.1).
    #[must_use]
    pub const fn is_unsafe(&self) -> bool {
        !matches!(self.method, RouteMethod::Get)
    }
}

impl RouteMethod {
    /// Makes a handler serve these methods.
    pub(super) fn serve<H, T>(self, handler: H) -> MethodRouter<AppState>
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        match self {
            Self::Get => get(handler),
            Self::Post => post(handler),
            Self::Put => put(handler),
            Self::Patch => patch(handler),
            Self::Delete => delete(handler),
            Self::Any => any(handler),
        }
    }
}

/// Entries of the route table, one a line: method, path, handler, error format, CSRF check, name.
macro_rules! route_table {
    ($($method:ident $path:literal => $handler:path, $format:ident, $csrf:expr, $name:literal;)+) => {
        &[$($crate::http::route::Route {
            method: $crate::http::route::RouteMethod::$method,
            path: $path,
            error_format: $crate::http::error_format::ErrorFormat::$format,
            csrf: $csrf,
            name: $name,
            metrics: {
                static METRICS: $crate::http::metrics::RouteMetrics = $crate::http::metrics::RouteMetrics::new();
                &METRICS
            },
            handler: || $crate::http::route::RouteMethod::$method.serve($handler),
        }),+]
    };
}

pub(super) use route_table;
