//! What stands in the way of an answer, whatever was asked. It is logged here.

use std::time::Duration;

use holdfast_client::{
    ErrorReason, Reason,
    auth::{AuthError, RefusalKind},
};
use holdfast_core::rate_limited_log::LogRateLimiter;

use crate::session::sessions::RecordsUnavailable;

static AUTH_FAULTS: LogRateLimiter = LogRateLimiter::new();

const SESSIONS_UNAVAILABLE: &str = "SESSIONS_UNAVAILABLE";
const TOO_SLOW: &str = "DEADLINE_EXCEEDED";
pub(super) const DEVICE_NOT_ASKED: &str = "DEVICE_NOT_ASKED";
static NOTHING_HEARD: LogRateLimiter = LogRateLimiter::new();
static STORE_FAULTS: LogRateLimiter = LogRateLimiter::new();
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// A part of the service does not answer now. Nobody is signed out by that.
    Unavailable {
        /// The stable reason.
        reason: String,
        /// When to come back.
        retry_after: Duration,
    },
    /// It was asked too often.
    Throttled {
        /// When to come back.
        retry_after: Duration,
    },
    /// The request is one that auth-service does not take, such as one with a far too long name.
    Unacceptable,
    /// A fault of the services.
    Broken,
}

impl Failure {
    pub(super) fn too_slow() -> Self {
        Self::for_now(TOO_SLOW)
    }

    pub(super) fn overloaded() -> Self {
        Self::for_now(ErrorReason::Overloaded.wire_name())
    }

    /// Nothing was heard of ended logins for too long.
    pub(super) fn nothing_heard() -> Self {
        NOTHING_HEARD.log(|requests| {
            tracing::error!(
                requests,
                "the ends of logins were not heard of for too long; requests with a cookie are answered 503"
            );
        });
        Self::for_now(Reason::Unreachable.as_str())
    }

    /// The browser says that it got no answer when it wanted to show its device's key.
    pub(super) fn device_not_asked() -> Self {
        Self::for_now(DEVICE_NOT_ASKED)
    }

    fn for_now(reason: &str) -> Self {
        Self::Unavailable {
            reason: reason.to_owned(),
            retry_after: RETRY_AFTER,
        }
    }
}

impl From<RecordsUnavailable> for Failure {
    fn from(error: RecordsUnavailable) -> Self {
        STORE_FAULTS.log(|requests| {
            tracing::error!(
                %error,
                requests,
                "the session store cannot be used; requests with a cookie are answered 503"
            );
        });
        Self::for_now(SESSIONS_UNAVAILABLE)
    }
}

/// For what auth-service says where no refusal of its own is expected.
impl From<AuthError> for Failure {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Throttled { retry_after } => Self::Throttled { retry_after },
            AuthError::Unavailable {
                reason,
                retry_after,
            } => Self::Unavailable {
                reason: reason.to_string(),
                retry_after,
            },
            AuthError::Refused(refusal) if refusal.kind == RefusalKind::Invalid => {
                Self::Unacceptable
            }
            AuthError::Refused(_) | AuthError::Broken(_) => {
                AUTH_FAULTS.log(|requests| {
                    tracing::error!(%error, requests, "auth-service failed, or this service is set up wrongly");
                });
                Self::Broken
            }
        }
    }
}
