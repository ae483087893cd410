//! Security headers on every response of every status (ASVS 3.4).

use std::mem;

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::Response,
};

use crate::config::PublicUrl;

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; \
     base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const ALWAYS: [(HeaderName, HeaderValue); 8] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(CONTENT_SECURITY_POLICY),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    // `no-referrer` would make browsers send `Origin: null` with our own forms.
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(
            "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
        ),
    ),
    (
        HeaderName::from_static("x-permitted-cross-domain-policies"),
        HeaderValue::from_static("none"),
    ),
];

const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// The policy of a page whose forms may lead to another origin, too, by the redirect that answers them. `None`: a header cannot carry
/// its name.
pub(super) fn policy_with_forms_to(origin: &str) -> Option<HeaderValue> {
    let forms = format!("form-action 'self' {origin}");
    let policy = CONTENT_SECURITY_POLICY.replace("form-action 'self'", &forms);
    HeaderValue::try_from(policy).ok()
}

/// How many others a response has, at most as a rule; beyond that the map has to grow.
const OWN: usize = 16;

/// The headers of every response, made once.
pub(super) struct SecurityHeaders(HeaderMap);

impl SecurityHeaders {
    /// HSTS is not for a loopback host, where it would hit every local port. Nothing is stored by caches.
    pub(super) fn of(public_url: &PublicUrl) -> Self {
        let mut headers = HeaderMap::with_capacity(ALWAYS.len() + OWN);
        headers.extend(ALWAYS);
        if !public_url.is_loopback {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
        }
        headers.insert(header::CACHE_CONTROL, NO_STORE);
        Self(headers)
    }

    /// The same response with them. What its handler says goes before.
    pub(super) fn add(&self, mut response: Response) -> Response {
        let mut headers = self.0.clone();
        headers.extend(mem::take(response.headers_mut()));
        *response.headers_mut() = headers;
        response
    }
}
