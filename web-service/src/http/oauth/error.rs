//! Errors of the OAuth endpoints (RFC 6749 §5.2).

use std::{borrow::Cow, time::Duration};

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use holdfast_client::{AuthError, ErrorReason};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    request::dpop::DpopChallenge,
    service_error::{ServiceError, retry_after_seconds},
};

const BASIC: HeaderValue = HeaderValue::from_static(r#"Basic realm="holdfast", charset="UTF-8""#);

const BEARER: HeaderValue =
    HeaderValue::from_static(r#"Bearer realm="holdfast", error="invalid_token""#);

/// An error response.
#[derive(Debug)]
pub(in crate::http) struct OauthError {
    status: StatusCode,
    error: Cow<'static, str>,
    description: String,
    retry_after: Option<Duration>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = OauthError, example = json!({"error": "invalid_client", "error_description": "the client is unknown or its proof does not hold"}))]
pub(in crate::http) struct Body<'a> {
    error: &'a str,
    error_description: &'a str,
}

impl OauthError {
    fn new(error: impl Into<Cow<'static, str>>, description: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error: error.into(),
            description: description.into(),
            retry_after: None,
        }
    }

    pub(super) fn invalid_request(description: &str) -> Self {
        Self::new("invalid_request", description)
    }

    pub(super) fn invalid_client() -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            ..Self::new(
                "invalid_client",
                "the client is unknown, or its authentication is invalid",
            )
        }
    }

    /// The bearer token is missing or wrong (RFC 6750 §3.1).
    pub(super) fn invalid_token() -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            ..Self::new(
                "invalid_token",
                "the initial access token is missing or wrong",
            )
        }
    }

    pub(super) fn unsupported_grant_type() -> Self {
        Self::new(
            "unsupported_grant_type",
            "supported are authorization_code, client_credentials and refresh_token",
        )
    }

    pub(super) fn foreign_grant() -> Self {
        Self::new(
            "invalid_grant",
            "the refresh token was issued to another client",
        )
    }

    /// The error of an authorization request (RFC 6749 §4.1.2.1).
    pub(super) fn of_authorization(code: String, description: String) -> Self {
        Self::new(code, description)
    }

    pub(super) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }
}

impl From<AuthError> for OauthError {
    fn from(error: AuthError) -> Self {
        let AuthError::Refused(refusal) = error else {
            return ServiceError::from(error).into();
        };
        if let Some(dpop) = DpopChallenge::of(&refusal.reason) {
            return Self::new(dpop.error(), refusal.message);
        }
        let error = match refusal.reason.contract() {
            Some(ErrorReason::InvalidClient) => return Self::invalid_client(),
            Some(ErrorReason::UnauthorizedClient) => "unauthorized_client",
            Some(ErrorReason::InvalidScope) => "invalid_scope",
            // RFC 8707 §2
            Some(ErrorReason::InvalidAudience) => "invalid_target",
            Some(ErrorReason::InvalidRequest) => "invalid_request",
            _ => "invalid_grant",
        };
        Self::new(error, format!("{}: {}", refusal.reason, refusal.message))
    }
}

impl From<ServiceError> for OauthError {
    fn from(error: ServiceError) -> Self {
        let (status, error, retry_after) = match error {
            ServiceError::Unavailable { retry_after, .. } => (
                StatusCode::SERVICE_UNAVAILABLE,
                "temporarily_unavailable",
                Some(retry_after),
            ),
            ServiceError::Throttled { retry_after } => (
                StatusCode::TOO_MANY_REQUESTS,
                "temporarily_unavailable",
                Some(retry_after),
            ),
            ServiceError::InvalidRequest => (StatusCode::BAD_REQUEST, "invalid_request", None),
            ServiceError::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "server_error", None),
        };
        Self {
            status,
            retry_after,
            ..Self::new(error, "try again later")
        }
    }
}

impl IntoResponse for OauthError {
    fn into_response(self) -> Response {
        let body = Json(Body {
            error: &self.error,
            error_description: &self.description,
        });
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            let is_bearer = self.error == "invalid_token";
            let challenge = if is_bearer { BEARER } else { BASIC };
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(wait) = self.retry_after {
            headers.insert(header::RETRY_AFTER, retry_after_seconds(wait).into());
        }
        response
    }
}
