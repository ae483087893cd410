//! Problem details: `application/problem+json` (RFC 9457) with a stable `reason`.

use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use holdfast_client::{
    AuthError, ErrorReason, NextSteps, Refusal, RefusalKind,
    authorization_header::{AuthorizationError, TokenScheme},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    http::{
        api::steps::{NextStep, NextStepsResponse},
        time::Rfc3339,
    },
    request::dpop::DpopChallenge,
    service_error::{ServiceError, retry_after_seconds},
    session::authenticator::SessionError,
};

/// An error response.
#[derive(Debug)]
pub(in crate::http) struct Problem {
    status: StatusCode,
    reason: String,
    detail: String,
    retry_after: Option<Duration>,
    challenge: Challenge,
    /// What may follow where the credential is right and not enough.
    steps: Option<Box<NextStepsResponse>>,
}

/// The challenge in `WWW-Authenticate` of a 401 or 403.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Challenge {
    /// No challenge.
    None,
    /// The access token is missing; the challenge has no error code (RFC 6750 §3).
    Bearer,
    /// The bearer token is invalid.
    InvalidToken,
    /// The token is valid and lacks a scope.
    InsufficientScope,
    /// The token is valid, and the operation requires reauthentication (RFC 9470).
    StepUp,
    /// The session cookie is missing, or its session is over.
    Session,
    /// The session is valid, and the operation requires reauthentication.
    SessionStepUp,
    /// The credential in the body is invalid.
    Password,
    /// A `DPoP` proof, or the token that came with it, is invalid.
    Dpop(DpopChallenge),
}

#[derive(Serialize, ToSchema)]
#[schema(as = Problem, example = json!({"type": "about:blank", "title": "Unauthorized", "status": 401, "reason": "TOKEN_MISSING", "detail": "send an access token as Authorization: Bearer …"}))]
pub(in crate::http) struct Body<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    reason: &'a str,
    detail: &'a str,
}

/// The error of a step. Where one more has to follow, it has the members of [`NextStepsResponse`], which are absent for any other reason.
#[derive(Serialize, ToSchema)]
#[schema(as = FactorRequired, example = json!({"type": "about:blank", "title": "Unauthorized", "status": 401, "reason": "ADDITIONAL_FACTOR_REQUIRED", "detail": "one of the steps has to follow", "attempt": "hfa_…", "steps": [{"type": "totp"}, {"type": "recovery_code"}], "expires_at": "2027-01-01T12:10:00Z"}))]
pub(in crate::http) struct FactorRequired<'a> {
    #[serde(flatten)]
    problem: Body<'a>,
    /// The attempt, to be continued by the caller of this request. It is a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<&'a str>,
    /// The steps of which one is to be made next. A client ignores types that it does not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<&'a [NextStep]>,
    /// Time from which on the attempt is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    expires_at: Option<&'a Rfc3339>,
}

impl Problem {
    fn new(status: StatusCode, reason: &str, detail: &str) -> Self {
        Self {
            status,
            reason: reason.to_owned(),
            detail: detail.to_owned(),
            retry_after: None,
            challenge: Challenge::None,
            steps: None,
        }
    }

    fn challenging(self, challenge: Challenge) -> Self {
        Self { challenge, ..self }
    }

    /// The request is invalid (`INVALID_REQUEST`).
    pub(in crate::http) fn invalid(status: StatusCode, detail: &str) -> Self {
        Self::new(status, "INVALID_REQUEST", detail)
    }

    pub(in crate::http) fn foreign_origin() -> Self {
        let detail = "the request came from a page of another origin";
        Self::new(StatusCode::FORBIDDEN, "FOREIGN_ORIGIN", detail)
    }

    pub(in crate::http) fn bad_host() -> Self {
        let detail = "the request has no host, several, or an invalid one";
        Self::invalid(StatusCode::BAD_REQUEST, detail)
    }

    pub(in crate::http) fn head_too_large() -> Self {
        let detail = "more than 16 KiB of cookies, more than 16 KiB of other header fields, or more than 100 of those";
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        Self::new(status, "HEADERS_TOO_LARGE", detail)
    }

    pub(in crate::http) fn body_too_slow() -> Self {
        let detail = "the body did not arrive in time";
        Self::new(StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT", detail)
    }

    pub(in crate::http) fn no_session() -> Self {
        let detail = "no session cookie, or its session is over";
        Self::new(StatusCode::UNAUTHORIZED, "SESSION_MISSING", detail)
            .challenging(Challenge::Session)
    }

    pub(in crate::http) fn no_device_proof() -> Self {
        let detail = "the session is bound to a device, and the request has no valid device proof";
        Self::new(StatusCode::UNAUTHORIZED, "DEVICE_PROOF_MISSING", detail)
            .challenging(Challenge::Session)
    }

    pub(in crate::http) fn device_proof_refused() -> Self {
        let detail = "prove the device key: sign the challenge in Secure-Session-Challenge";
        Self::new(StatusCode::FORBIDDEN, "DEVICE_PROOF_REFUSED", detail)
    }

    pub(in crate::http) fn not_bound() -> Self {
        let detail = "sessions must be bound to a device here, and this one is not";
        Self::new(StatusCode::UNAUTHORIZED, "DEVICE_BINDING_REQUIRED", detail)
            .challenging(Challenge::Session)
    }

    pub(in crate::http) fn passkeys_off() -> Self {
        let reason = ErrorReason::PasskeysOff.wire_name();
        let detail = "this installation uses no passkeys";
        Self::new(StatusCode::CONFLICT, reason, detail)
    }

    pub(in crate::http) fn no_token() -> Self {
        let detail = "send an access token as Authorization: Bearer …";
        Self::new(StatusCode::UNAUTHORIZED, "TOKEN_MISSING", detail).challenging(Challenge::Bearer)
    }

    fn malformed_token() -> Self {
        let detail = "the Authorization header is not one bearer token";
        Self::new(StatusCode::UNAUTHORIZED, "TOKEN_MALFORMED", detail)
            .challenging(Challenge::InvalidToken)
    }

    pub(in crate::http) fn no_dpop_proof() -> Self {
        let detail = "with Authorization: DPoP … send the proof of the key as DPoP: …";
        Self::new(
            StatusCode::UNAUTHORIZED,
            ErrorReason::DpopProofRequired.wire_name(),
            detail,
        )
        .challenging(Challenge::Dpop(DpopChallenge::InvalidProof))
    }

    pub(in crate::http) fn no_stream() -> Self {
        let detail = "the receiver has no such stream";
        Self::new(
            StatusCode::NOT_FOUND,
            ErrorReason::StreamNotFound.wire_name(),
            detail,
        )
    }

    /// The credential is right, and a further step has to follow (`ADDITIONAL_FACTOR_REQUIRED`).
    pub(super) fn factor_required(steps: NextSteps) -> Self {
        let reason = ErrorReason::AdditionalFactorRequired.wire_name();
        let detail = "one of the steps has to follow";
        Self {
            steps: Some(Box::new(steps.into())),
            ..Self::new(StatusCode::UNAUTHORIZED, reason, detail).challenging(Challenge::Password)
        }
    }

    /// The problem for a refused access token, with the challenge of its scheme.
    pub(in crate::http) fn for_token(error: AuthError, scheme: TokenScheme) -> Self {
        let challenge = match scheme {
            TokenScheme::Bearer => Challenge::InvalidToken,
            TokenScheme::Dpop => Challenge::Dpop(DpopChallenge::InvalidToken),
        };
        Self::from_auth(error, challenge)
    }

    /// The problem for a refused operation of a session.
    pub(in crate::http) fn for_session(error: AuthError) -> Self {
        Self::from_auth(error, Challenge::Session)
    }

    /// The problem for a refused credential in the body.
    pub(in crate::http) fn for_credential(error: AuthError) -> Self {
        Self::from_auth(error, Challenge::Password)
    }

    fn from_auth(error: AuthError, challenge: Challenge) -> Self {
        match error {
            AuthError::Refused(refusal) => Self::refused(&refusal, challenge),
            error => ServiceError::from(error).into(),
        }
    }

    fn refused(refusal: &Refusal, challenge: Challenge) -> Self {
        let (status, challenge) = match refusal.kind {
            RefusalKind::Unauthenticated => {
                let dpop = DpopChallenge::of(&refusal.reason).map(Challenge::Dpop);
                (StatusCode::UNAUTHORIZED, dpop.unwrap_or(challenge))
            }
            RefusalKind::Forbidden if refusal.reason == ErrorReason::StepUpRequired => {
                let challenge = match challenge {
                    Challenge::Session => Challenge::SessionStepUp,
                    _ => Challenge::StepUp,
                };
                (StatusCode::UNAUTHORIZED, challenge)
            }
            RefusalKind::Forbidden
                if matches!(challenge, Challenge::InvalidToken | Challenge::Dpop(_)) =>
            {
                (StatusCode::FORBIDDEN, Challenge::InsufficientScope)
            }
            RefusalKind::Forbidden => (StatusCode::FORBIDDEN, Challenge::None),
            RefusalKind::Invalid
                if matches!(
                    refusal.reason.contract(),
                    Some(
                        ErrorReason::LoginNotFound
                            | ErrorReason::GrantNotFound
                            | ErrorReason::FactorNotFound
                            | ErrorReason::ApplicationNotFound
                            | ErrorReason::StreamNotFound
                    )
                ) =>
            {
                (StatusCode::NOT_FOUND, Challenge::None)
            }
            RefusalKind::Invalid => (StatusCode::BAD_REQUEST, Challenge::None),
            RefusalKind::Conflict => (StatusCode::CONFLICT, Challenge::None),
        };
        Self::new(status, refusal.reason.as_str(), &refusal.message).challenging(challenge)
    }

    fn unavailable(reason: &str, retry_after: Duration) -> Self {
        let detail = "a part of this service does not respond; try again later";
        Self {
            retry_after: Some(retry_after),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, reason, detail)
        }
    }

    fn throttled(retry_after: Duration) -> Self {
        let detail = "too many attempts; wait for the time in Retry-After";
        Self {
            retry_after: Some(retry_after),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                ErrorReason::Throttled.wire_name(),
                detail,
            )
        }
    }

    fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL",
            "internal error",
        )
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Unavailable {
                reason,
                retry_after,
            } => Self::unavailable(reason.as_str(), retry_after),
            ServiceError::Throttled { retry_after } => Self::throttled(retry_after),
            ServiceError::InvalidRequest => {
                Self::invalid(StatusCode::BAD_REQUEST, "a field has an invalid value")
            }
            ServiceError::Internal => Self::internal(),
        }
    }
}

impl From<SessionError> for Problem {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::NoSession => Self::no_session(),
            SessionError::NoDeviceProof => Self::no_device_proof(),
            SessionError::NotBound => Self::not_bound(),
            SessionError::Failed(error) => error.into(),
        }
    }
}

impl From<AuthorizationError> for Problem {
    fn from(error: AuthorizationError) -> Self {
        match error {
            AuthorizationError::Missing => Self::no_token(),
            AuthorizationError::Malformed => Self::malformed_token(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let problem = Body {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            reason: &self.reason,
            detail: &self.detail,
        };
        let steps = self.steps.as_deref();
        let body = FactorRequired {
            problem,
            attempt: steps.map(|steps| &*steps.attempt),
            steps: steps.map(|steps| &*steps.steps),
            expires_at: steps.map(|steps| &steps.expires_at),
        };
        let mut response = (self.status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        let media_type = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, media_type);
        if let Some(wait) = self.retry_after {
            headers.insert(header::RETRY_AFTER, retry_after_seconds(wait).into());
        }
        if let Some(challenge) = self.challenge.header() {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(challenge),
            );
        }
        response
    }
}

impl Challenge {
    const fn header(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Bearer => Some(r#"Bearer realm="holdfast""#),
            Self::InvalidToken => Some(r#"Bearer realm="holdfast", error="invalid_token""#),
            Self::InsufficientScope => {
                Some(r#"Bearer realm="holdfast", error="insufficient_scope""#)
            }
            Self::StepUp => {
                Some(r#"Bearer realm="holdfast", error="insufficient_user_authentication""#)
            }
            Self::SessionStepUp => {
                Some(r#"Session realm="holdfast", error="insufficient_user_authentication""#)
            }
            Self::Session => Some(r#"Session realm="holdfast""#),
            Self::Password => Some(r#"Password realm="holdfast""#),
            Self::Dpop(challenge) => Some(challenge.header()),
        }
    }
}

/// For paths without a resource.
pub(in crate::http) async fn not_found() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "NOT_FOUND",
        "there is no such resource",
    )
}

/// For methods that a resource does not have.
pub(in crate::http) async fn method_not_allowed() -> Problem {
    let detail = "this resource does not have this method";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", detail)
}
