//! The CSRF check of unsafe requests by fetch metadata (ASVS 3.5).

use axum::{
    extract::Request,
    http::{HeaderMap, header},
};

use holdfast_core::rate_limited_log::LogRateLimiter;

use crate::request::{
    fetch_metadata::{RequestInitiator, classify},
    headers::{SEC_FETCH_SITE, joined},
};

static FOREIGN_REQUESTS: LogRateLimiter = LogRateLimiter::new("csrf.foreign_origin");

/// The check of who caused a request with an unsafe method (ASVS 3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsrfCheck {
    /// `Sec-Fetch-Site` and `Origin` must not name another origin.
    Checked,
    /// The check is left out, for a reason.
    Exempt(CsrfExemption),
}

/// Why a route is exempt from the full check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsrfExemption {
    /// An endpoint that uses no cookies and that pages of public OAuth clients call. Pages of other origins than theirs are rejected by
    /// [`cors`](crate::http::cors), which needs the registered origins.
    BrowserClient,
    /// Forward auth: a proxy asks about another request, the original one. Its origin is part of the question and checked by the
    /// [decision](crate::forward_auth). A body length, which some proxies copy, is the original request's: no body is read.
    OriginalRequest,
    /// A form of a relying party, which OpenID Connect permits in place of a link: it changes nothing. The response redirects to the same
    /// path by `GET`, with the parameters in the query.
    RelyingParty,
    /// Device Bound Session Credentials: browsers send these requests themselves, with less fetch metadata than those of pages, and
    /// without a proof of the device's key they change nothing. Only `Sec-Fetch-Site: cross-site` is rejected.
    DeviceBinding,
}

/// Whether a request is rejected because of the page that caused it. A request without fetch metadata and
/// `Origin` passes: it is not a browser's, or is rejected for its form's missing CSRF token.
pub(super) fn is_rejected(request: &Request, check: CsrfCheck, own_origin: &str) -> bool {
    if request.method().is_safe() {
        return false;
    }
    match check {
        CsrfCheck::Checked => initiator(request.headers(), own_origin) == RequestInitiator::Foreign,
        CsrfCheck::Exempt(CsrfExemption::DeviceBinding) => says_cross_site(request.headers()),
        CsrfCheck::Exempt(
            CsrfExemption::BrowserClient
            | CsrfExemption::OriginalRequest
            | CsrfExemption::RelyingParty,
        ) => false,
    }
}

/// Logs that a request to this route was rejected because of the page that caused it.
pub(super) fn log_rejection(route: &str) {
    FOREIGN_REQUESTS.log(|requests| {
        tracing::warn!(
            event = "csrf.foreign_origin",
            requests,
            route,
            "a request caused by a page of another origin was rejected"
        );
    });
}

/// Which page caused a request.
pub(super) fn initiator(headers: &HeaderMap, own_origin: &str) -> RequestInitiator {
    let site = joined(headers, SEC_FETCH_SITE);
    let origin = joined(headers, header::ORIGIN.as_str());
    classify(site.as_deref(), origin.as_deref(), Some(own_origin))
}

/// Whether the browser reports a page of another site. The requests that browsers send by themselves for a bound session never do.
fn says_cross_site(headers: &HeaderMap) -> bool {
    let site = joined(headers, SEC_FETCH_SITE);
    site.is_some_and(|site| site.as_ref() == b"cross-site" || site.contains(&b','))
}
