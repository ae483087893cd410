//! Requests that change something come from our own pages, or from no page at all (ASVS 3.5).

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::Response,
};

use super::language;
use crate::{
    config::PublicUrl,
    domain::provenance::{Provenance, judge},
};

/// Refuses every unsafe request that another page sent. What says nothing of where it comes from is let through to the
/// form token, without which no form is read.
pub(super) async fn refuse_foreign(
    State(public_url): State<Arc<PublicUrl>>,
    request: Request,
    next: Next,
) -> Response {
    let is_foreign = provenance(request.headers(), &public_url.origin) == Provenance::Foreign;
    if request.method().is_safe() || !is_foreign {
        return next.run(request).await;
    }
    tracing::warn!("a request from a foreign page was refused");
    language::refuse_foreign(request.uri().path())
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
