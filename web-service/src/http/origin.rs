//! Requests that change something come from our own pages, or from no page at all (ASVS 3.5).

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, header},
};

use crate::domain::provenance::{Provenance, judge};

/// Whether another page sent it, and it would change something. What says nothing of where it comes from is let through to the
/// form token, without which no form is read.
pub(super) fn is_foreign(request: &Request, own_origin: &str) -> bool {
    !request.method().is_safe() && provenance(request.headers(), own_origin) == Provenance::Foreign
}

pub(super) fn provenance(headers: &HeaderMap, own_origin: &str) -> Provenance {
    let value = |name| {
        headers
            .get(name)
            .map(|value: &HeaderValue| value.as_bytes())
    };
    judge(
        value("sec-fetch-site"),
        value(header::ORIGIN.as_str()),
        own_origin,
    )
}
