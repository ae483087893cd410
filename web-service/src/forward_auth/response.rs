//! The answer to a proxy: status and headers. Every identity header is always there, empty where nothing is known, so that one that
//! the client sent never survives.

use holdfast_core::rate_limited_log::LogRateLimiter;

use crate::{
    forward_auth::{
        access_request::AccessRequest,
        decision::{Decision, DenialReason, ForwardAuth},
        policy::{AccessDenied, Identity, OriginalRequest},
    },
    request::next_query::{encoded, page_with, with_parameter},
    service_error::{ServiceError, retry_after_seconds},
};

static MISCONFIGURED: LogRateLimiter = LogRateLimiter::new("forward_auth.invalid_requirements");

const CHALLENGE: &str = r#"Bearer realm="holdfast", Session realm="holdfast""#;
const STEP_UP: &str = r#"Bearer realm="holdfast", error="insufficient_user_authentication""#;
const SCOPE: &str = r#"Bearer realm="holdfast", error="insufficient_scope""#;

/// What a proxy does with an answer that is not 2xx.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyDialect {
    /// nginx: it acts on 401 and 403 by itself, and may read `Location`.
    StatusOnly,
    /// Caddy, Traefik, Envoy: the answer goes to the client as it is, redirects included.
    PassThrough,
}

/// An answer to a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyResponse {
    /// The HTTP status: 200 lets the request pass.
    pub status: u16,
    /// Names, in lower case, and values of the headers.
    pub headers: Vec<(&'static str, String)>,
}

impl ProxyResponse {
    fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
        }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn challenging(self, challenge: &str) -> Self {
        self.with("www-authenticate", challenge)
    }

    fn with_identity(self, identity: Option<&Identity>) -> Self {
        let text = |part: fn(&Identity) -> &str| header_text(identity.map_or("", part));
        self.with(
            "x-auth-user",
            text(|identity| identity.username.as_deref().unwrap_or_default()),
        )
        .with("x-auth-subject", text(|identity| &identity.subject))
        .with(
            "x-auth-login",
            text(|identity| identity.sid.as_deref().unwrap_or_default()),
        )
        .with("x-auth-scope", text(|identity| &identity.scope))
        .with("x-auth-method", text(|identity| identity.method.as_str()))
        .with(
            "x-auth-acr",
            text(|identity| {
                let authentication = identity.authentication.as_ref();
                authentication.map_or("", |authentication| authentication.level.acr())
            }),
        )
        .with(
            "x-auth-amr",
            text(|identity| {
                let authentication = identity.authentication.as_ref();
                authentication.map_or("", |authentication| authentication.factors.as_str())
            }),
        )
    }

    /// The answer to requirements that cannot be read: no request passes, as they might have been strict ones.
    #[must_use]
    pub fn misconfigured() -> Self {
        MISCONFIGURED.log(|requests| {
            tracing::error!(
                event = "forward_auth.invalid_requirements",
                requests,
                "the requirements of a proxy cannot be read; its requests are denied"
            );
        });
        Self::new(403).with_identity(None)
    }

    /// The answer without a decision. It never lets a request pass.
    #[must_use]
    pub fn failed(error: &ServiceError) -> Self {
        let (status, wait) = match error {
            ServiceError::Unavailable { retry_after, .. } => (503, Some(*retry_after)),
            ServiceError::Throttled { retry_after } => (429, Some(*retry_after)),
            ServiceError::InvalidRequest => (403, None),
            ServiceError::Internal => (500, None),
        };
        let response = Self::new(status);
        match wait {
            Some(wait) => response.with("retry-after", retry_after_seconds(wait).to_string()),
            None => response,
        }
    }
}

impl ForwardAuth {
    /// The answer to the proxy for a decision.
    #[must_use]
    pub fn respond(
        &self,
        decision: Decision,
        request: &impl AccessRequest,
        original: &OriginalRequest,
        dialect: ProxyDialect,
    ) -> ProxyResponse {
        let response = match decision.outcome {
            Ok(identity) => ProxyResponse::new(200).with_identity(Some(&identity)),
            Err(DenialReason::Failed(error)) => ProxyResponse::failed(&error).with_identity(None),
            Err(DenialReason::Dpop(challenge)) => ProxyResponse::new(401)
                .challenging(challenge.header())
                .with_identity(None),
            Err(DenialReason::AccessDenied(reason)) => {
                let mut response = denied(reason);
                let target = self.target(reason, original, request);
                if let Some(target) = target.filter(|_| is_navigation(original, request)) {
                    if dialect == ProxyDialect::PassThrough {
                        response.status = 303;
                    }
                    response = response.with("location", target);
                }
                response.with_identity(None)
            }
        };
        match decision.dpop_nonce {
            Some(nonce) => response.with("dpop-nonce", nonce),
            None => response,
        }
    }

    /// The page where a person signs in or authenticates again. They come back by way of a page, as the answer to a form may not lead
    /// to another origin. A form that they sent is not sent again: the page says so, and leads back to the page that has the form.
    fn target(
        &self,
        reason: AccessDenied,
        original: &OriginalRequest,
        request: &impl AccessRequest,
    ) -> Option<String> {
        let own = &self.public_url.origin;
        let origins = &self.redirect_origins;
        let back = if original.is_safe {
            original.return_address(origins)
        } else {
            original.form_address(request.referer(), origins)
        };
        let page = match (reason, &back) {
            (AccessDenied::NoDeviceProof, Some(back)) if original.is_safe => {
                return Some(format!("{own}/account/again?to={}", encoded(back)));
            }
            (AccessDenied::Unauthenticated | AccessDenied::NoDeviceProof, _) => "/login",
            (AccessDenied::TooLongAgo | AccessDenied::TooWeak(_), _) => "/account/confirm",
            // The dashboard shows why.
            (AccessDenied::NotBound, _) => return Some(format!("{own}/dashboard")),
            (AccessDenied::Scope | AccessDenied::Foreign, _) => return None,
        };
        let next = back.map(|back| format!("/continue?to={}", encoded(&back)));
        let target = page_with(page, next.as_deref(), !original.is_safe);
        let target = match reason {
            AccessDenied::TooWeak(level) => with_parameter(&target, "acr", level.acr()),
            _ => target,
        };
        Some(format!("{own}{target}"))
    }
}

/// The text, where a header can carry it (RFC 9110 §5.5); otherwise nothing.
fn header_text(text: &str) -> &str {
    let is_allowed = |byte: u8| byte == b'\t' || (b' '..0x7f).contains(&byte);
    if text.bytes().all(is_allowed) {
        text
    } else {
        ""
    }
}

fn denied(reason: AccessDenied) -> ProxyResponse {
    match reason {
        AccessDenied::Unauthenticated | AccessDenied::NoDeviceProof => {
            ProxyResponse::new(401).challenging(CHALLENGE)
        }
        AccessDenied::TooLongAgo => ProxyResponse::new(401).challenging(STEP_UP),
        // RFC 9470 §3
        AccessDenied::TooWeak(level) => {
            let challenge = format!(r#"{STEP_UP}, acr_values="{}""#, level.acr());
            ProxyResponse::new(401).challenging(&challenge)
        }
        AccessDenied::Scope => ProxyResponse::new(403).challenging(SCOPE),
        AccessDenied::Foreign | AccessDenied::NotBound => ProxyResponse::new(403),
    }
}

/// Whether a browser wants a page or sends a form, and no program or image is loaded.
fn is_navigation(original: &OriginalRequest, request: &impl AccessRequest) -> bool {
    let may_be = original.is_safe || original.method.as_deref() == Some("POST");
    may_be && !request.presents_token() && request.expects_page()
}
