//! The decision in the proxy's dialect. Every identity header is always there, empty where nothing is known, so that a client's
//! own never survives.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use holdfast_core::rate_limited_log::LogRateLimiter;

use crate::{
    forward_auth::policy::{AccessDenied, Identity, OriginalRequest},
    http::{
        api::bearer,
        csrf::joined,
        dpop::with_nonce,
        forward_auth::decision::{Decision, Denied},
        next,
        service_error::Failure,
        state::AppState,
        time::in_seconds,
    },
};

static MISCONFIGURED: LogRateLimiter = LogRateLimiter::new();

const CHALLENGE: HeaderValue =
    HeaderValue::from_static(r#"Bearer realm="holdfast", Session realm="holdfast""#);
const STEP_UP: HeaderValue = HeaderValue::from_static(
    r#"Bearer realm="holdfast", error="insufficient_user_authentication""#,
);
const SCOPE: HeaderValue =
    HeaderValue::from_static(r#"Bearer realm="holdfast", error="insufficient_scope""#);

/// How a proxy takes an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// nginx: it acts on 401 and 403 by itself, and may look at `Location`.
    StatusOnly,
    /// Caddy, Traefik, Envoy: what is not 2xx goes to the client as it is, redirects, too.
    PassedOn,
}

impl Dialect {
    /// Caddy and Traefik name the original request so.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        if headers.contains_key("x-forwarded-uri") {
            Self::PassedOn
        } else {
            Self::StatusOnly
        }
    }
}

pub(super) fn answer(
    state: &AppState,
    decided: Decision,
    original: &OriginalRequest,
    dialect: Dialect,
    headers: &HeaderMap,
) -> Response {
    let answer = match decided.decision {
        Ok(identity) => with_identity(StatusCode::OK.into_response(), Some(&identity)),
        Err(Denied::Failed(failure)) => with_identity(failed(&failure), None),
        Err(Denied::Dpop(challenge)) => {
            let challenge = HeaderValue::from_static(challenge.header());
            let response = challenged(StatusCode::UNAUTHORIZED, Some(challenge));
            with_identity(response, None)
        }
        Err(Denied::AccessDenied(refused)) => {
            let mut response = refusal(refused);
            let target = target(state, refused, original, headers)
                .filter(|_| is_navigation(original, headers));
            if let Some(target) = target.and_then(|target| HeaderValue::try_from(target).ok()) {
                if dialect == Dialect::PassedOn {
                    *response.status_mut() = StatusCode::SEE_OTHER;
                }
                response.headers_mut().insert(header::LOCATION, target);
            }
            with_identity(response, None)
        }
    };
    with_nonce(answer, &decided.dpop_nonce)
}

/// A requirement that cannot be read denies everybody.
pub(crate) fn misconfigured() -> Response {
    MISCONFIGURED.log(|requests| {
        tracing::error!(
            requests,
            "a proxy asks with requirements that cannot be read; everybody is denied"
        );
    });
    with_identity(StatusCode::FORBIDDEN.into_response(), None)
}

fn refusal(refused: AccessDenied) -> Response {
    let (status, challenge) = match refused {
        AccessDenied::Unauthenticated | AccessDenied::NoProof => {
            (StatusCode::UNAUTHORIZED, Some(CHALLENGE))
        }
        AccessDenied::TooLongAgo => (StatusCode::UNAUTHORIZED, Some(STEP_UP)),
        AccessDenied::Scope => (StatusCode::FORBIDDEN, Some(SCOPE)),
        AccessDenied::Foreign | AccessDenied::NotBound => (StatusCode::FORBIDDEN, None),
    };
    challenged(status, challenge)
}

fn challenged(status: StatusCode, challenge: Option<HeaderValue>) -> Response {
    let mut response = status.into_response();
    if let Some(challenge) = challenge {
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// Never an answer that lets somebody pass.
pub(super) fn failed(failure: &Failure) -> Response {
    let (status, wait) = match failure {
        Failure::Unavailable { retry_after, .. } => {
            (StatusCode::SERVICE_UNAVAILABLE, Some(*retry_after))
        }
        Failure::Throttled { retry_after } => (StatusCode::TOO_MANY_REQUESTS, Some(*retry_after)),
        Failure::Unacceptable => (StatusCode::FORBIDDEN, None),
        Failure::Broken => (StatusCode::INTERNAL_SERVER_ERROR, None),
    };
    let mut response = status.into_response();
    if let Some(wait) = wait {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, in_seconds(wait).into());
    }
    response
}

/// Where a person goes to sign in, or to prove again who they are, and comes back from by way of a page: a form's answer may not
/// lead to another origin. A form that they sent is not sent again: they are told so, and come back to the page that has it.
fn target(
    state: &AppState,
    refused: AccessDenied,
    original: &OriginalRequest,
    headers: &HeaderMap,
) -> Option<String> {
    let own = &state.public_url.origin;
    let origins = &state.return_origins;
    let back = if original.is_safe {
        original.return_address(origins)
    } else {
        let referer = headers.get(header::REFERER);
        let referer = referer.and_then(|referer| referer.to_str().ok());
        original.form_address(referer, origins)
    };
    let page = match (refused, &back) {
        (AccessDenied::NoProof, Some(back)) if original.is_safe => {
            return Some(format!("{own}/account/again?to={}", next::encoded(back)));
        }
        (AccessDenied::Unauthenticated | AccessDenied::NoProof, _) => "/login",
        (AccessDenied::TooLongAgo, _) => "/account/confirm",
        // It tells people why.
        (AccessDenied::NotBound, _) => return Some(format!("{own}/dashboard")),
        (AccessDenied::Scope | AccessDenied::Foreign, _) => return None,
    };
    let next = back.map(|back| format!("/continue?to={}", next::encoded(&back)));
    let target = next::page_with(page, next.as_deref(), !original.is_safe);
    Some(format!("{own}{target}"))
}

/// A browser that wants a page or sends a form, and not a program or an image.
fn is_navigation(original: &OriginalRequest, headers: &HeaderMap) -> bool {
    let may_be = original.is_safe || original.method.as_deref() == Some("POST");
    if !may_be || bearer::is_presented(headers) {
        return false;
    }
    match joined(headers, "sec-fetch-mode") {
        Some(mode) => mode.as_ref() == b"navigate",
        None => headers
            .get(header::ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .is_some_and(|accept| accept.to_ascii_lowercase().contains("text/html")),
    }
}

fn with_identity(mut response: Response, identity: Option<&Identity>) -> Response {
    let text = |part: fn(&Identity) -> &str| identity.map_or("", part);
    let values = [
        ("x-auth-user", text(|identity| &identity.username)),
        ("x-auth-subject", text(|identity| &identity.subject)),
        ("x-auth-login", text(|identity| &identity.sid)),
        ("x-auth-scope", text(|identity| &identity.scope)),
        ("x-auth-method", text(|identity| identity.method.as_str())),
    ];
    for (name, value) in values {
        let value = HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static(""));
        response
            .headers_mut()
            .insert(HeaderName::from_static(name), value);
    }
    response
}
