//! Errors that any operation may have, whatever it does: a peer that does not answer, a limit, a fault. They are logged here.

use std::time::Duration;

pub use holdfast_client::retry_after_seconds;
use holdfast_client::{AuthError, ErrorReason, Reason, RefusalKind};
use holdfast_core::rate_limited_log::LogRateLimiter;

use crate::session::unavailable::RecordsUnavailable;

static AUTH_FAULTS: LogRateLimiter = LogRateLimiter::new("auth_service.call_failed");
static REVOCATIONS_STALE: LogRateLimiter = LogRateLimiter::new("revocation_stream.stale");
static STORE_FAULTS: LogRateLimiter = LogRateLimiter::new("session_store.unavailable");

/// Time to the next attempt, where no peer says how long.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why an operation has no result, and the request is not to blame.
#[derive(Debug)]
pub enum ServiceError {
    /// A part of the service does not answer now. Nobody is signed out by that.
    Unavailable {
        /// The stable reason.
        reason: UnavailableReason,
        /// Time to the next attempt.
        retry_after: Duration,
    },
    /// A rate limit of auth-service was reached (`THROTTLED`).
    Throttled {
        /// Time to the next attempt.
        retry_after: Duration,
    },
    /// auth-service does not accept a value of the request, such as a far too long name.
    InvalidRequest,
    /// A fault of the services.
    Internal,
}

/// The stable reason of an unavailable service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnavailableReason {
    /// `SESSIONS_UNAVAILABLE`: the session store does not answer.
    Sessions,
    /// `DEADLINE_EXCEEDED`: the request took longer than its deadline.
    DeadlineExceeded,
    /// `DEVICE_NOT_ASKED`: the browser reports that it got no answer when it wanted to prove its device key.
    DeviceNotAsked,
    /// The reason of auth-service, or of the calls to it.
    Auth(Reason),
}

impl UnavailableReason {
    /// The text form, which is part of the REST API.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Sessions => "SESSIONS_UNAVAILABLE",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::DeviceNotAsked => "DEVICE_NOT_ASKED",
            Self::Auth(reason) => reason.as_str(),
        }
    }
}

impl ServiceError {
    /// The request took longer than its deadline.
    #[must_use]
    pub const fn deadline_exceeded() -> Self {
        Self::unavailable(UnavailableReason::DeadlineExceeded)
    }

    /// Too many requests are processed at once.
    #[must_use]
    pub const fn overloaded() -> Self {
        let reason = Reason::Contract(ErrorReason::Overloaded);
        Self::unavailable(UnavailableReason::Auth(reason))
    }

    /// The revocation stream is too old to decide by.
    #[must_use]
    pub fn revocations_stale() -> Self {
        REVOCATIONS_STALE.log(|requests| {
            tracing::error!(
                event = "revocation_stream.stale",
                requests,
                "the revocation stream is stale; responding 503 to requests with a cookie"
            );
        });
        Self::unavailable(UnavailableReason::Auth(Reason::Unreachable))
    }

    /// The browser reports that it got no answer when it wanted to prove its device key.
    #[must_use]
    pub const fn device_not_asked() -> Self {
        Self::unavailable(UnavailableReason::DeviceNotAsked)
    }

    const fn unavailable(reason: UnavailableReason) -> Self {
        Self::Unavailable {
            reason,
            retry_after: RETRY_AFTER,
        }
    }
}

impl From<RecordsUnavailable> for ServiceError {
    fn from(error: RecordsUnavailable) -> Self {
        STORE_FAULTS.log(|requests| {
            tracing::error!(
                event = "session_store.unavailable",
                %error,
                requests,
                "the session store is unavailable; responding 503 to requests with a cookie"
            );
        });
        Self::unavailable(UnavailableReason::Sessions)
    }
}

/// For calls to auth-service that have no refusal of their own.
impl From<AuthError> for ServiceError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Throttled { retry_after } => Self::Throttled { retry_after },
            AuthError::Unavailable {
                reason,
                retry_after,
            } => Self::Unavailable {
                reason: UnavailableReason::Auth(reason),
                retry_after,
            },
            AuthError::Refused(refusal)
                if matches!(refusal.kind, RefusalKind::Invalid | RefusalKind::Conflict) =>
            {
                Self::InvalidRequest
            }
            AuthError::Refused(_) | AuthError::Broken(_) => {
                AUTH_FAULTS.log(|requests| {
                    tracing::error!(event = "auth_service.call_failed", %error, requests, "auth-service failed, or this service is configured incorrectly; responding 500");
                });
                Self::Internal
            }
        }
    }
}
