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
    // With `no-referrer` browsers would send `Origin: null` with forms of this origin.
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

/// The content security policy of a page whose forms may be answered by a redirect to `origin`. `None` where the origin cannot stand in a
/// header.
pub(super) fn policy_with_forms_to(origin: &str) -> Option<HeaderValue> {
    let forms = format!("form-action 'self' {origin}");
    let policy = CONTENT_SECURITY_POLICY.replace("form-action 'self'", &forms);
    HeaderValue::try_from(policy).ok()
}

/// The content security policy of a page whose only form is sent to `origin` by its script. `None` where the origin cannot stand in a header.
pub(super) fn policy_of_form_post(origin: &str) -> Option<HeaderValue> {
    let scripts = "default-src 'none'; script-src 'self'";
    let policy = CONTENT_SECURITY_POLICY
        .replace("default-src 'none'", scripts)
        .replace("form-action 'self'", &format!("form-action {origin}"));
    HeaderValue::try_from(policy).ok()
}

/// The content security policy of the pages that have the script of passkeys.
const POLICY_WITH_SCRIPT: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; \
     base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);

/// A page that has the script of passkeys: the only one that runs, and it connects to this origin only.
pub(super) fn with_script(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY_WITH_SCRIPT);
    response
}

/// Capacity for the headers of a handler; with more the map grows.
const HANDLER_HEADERS: usize = 16;

/// The headers of every response, constructed once.
pub(super) struct SecurityHeaders(HeaderMap);

impl SecurityHeaders {
    /// The headers for a public URL. A loopback host gets no HSTS, which would apply to every local port. By default no cache stores a
    /// response.
    pub(super) fn of(public_url: &PublicUrl) -> Self {
        let mut headers = HeaderMap::with_capacity(ALWAYS.len() + HANDLER_HEADERS);
        headers.extend(ALWAYS);
        if !public_url.is_loopback {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
        }
        headers.insert(header::CACHE_CONTROL, NO_STORE);
        Self(headers)
    }

    /// Adds them to a response. Those of the handler take precedence.
    pub(super) fn add(&self, mut response: Response) -> Response {
        let mut headers = self.0.clone();
        headers.extend(mem::take(response.headers_mut()));
        *response.headers_mut() = headers;
        response
    }
}
