//! Errors that any operation can have: faults of this service, and its limits.

use std::time::Duration;

use auth_proto::v1::ErrorReason;
use holdfast_core::rate_limited_log::LogRateLimiter;
use holdfast_identity::{
    account::PasswordRejected,
    authentication::{StepUpRequired, Throttled},
    error::Fault,
};
use tonic::Status;

use crate::grpc::errors::{IntoStatus, internal, refuse, retry_later};

/// `retry_delay` of a call that failed because the store was unavailable.
const STORE_RETRY: Duration = Duration::from_secs(1);

static STORE_FAULTS: LogRateLimiter = LogRateLimiter::new("store.unavailable");
static QUEUE_FULL: LogRateLimiter = LogRateLimiter::new("password_queue.full");
static INTERNAL_FAULTS: LogRateLimiter = LogRateLimiter::new("call.failed");

impl IntoStatus for Fault {
    fn into_status(self) -> Status {
        match self {
            Fault::StoreUnavailable(error) => {
                STORE_FAULTS.log(|calls| {
                    tracing::error!(
                        event = "store.unavailable",
                        %error,
                        calls,
                        "the store is unavailable; calls are rejected"
                    );
                });
                let message = "the store is unavailable";
                retry_later(ErrorReason::StoreUnavailable, message, STORE_RETRY)
            }
            Fault::Overloaded { retry_after } => {
                QUEUE_FULL.log(|rejected| {
                    tracing::warn!(
                        event = "password_queue.full",
                        rejected,
                        "too many passwords wait for verification; further attempts are rejected"
                    );
                });
                let message = "too many passwords wait for verification; try again later";
                retry_later(ErrorReason::Overloaded, message, retry_after)
            }
            Fault::Internal(error) => {
                INTERNAL_FAULTS.log(|calls| {
                    tracing::error!(event = "call.failed", %error, calls, "a call failed with an internal error");
                });
                internal()
            }
        }
    }
}

impl IntoStatus for Throttled {
    fn into_status(self) -> Status {
        retry_later(ErrorReason::Throttled, &self.to_string(), self.retry_after)
    }
}

impl IntoStatus for StepUpRequired {
    fn into_status(self) -> Status {
        refuse(ErrorReason::StepUpRequired, self.to_string())
    }
}

impl IntoStatus for PasswordRejected {
    fn into_status(self) -> Status {
        refuse(ErrorReason::PasswordRejected, self.to_string())
    }
}
