//! The meaning of gRPC statuses.

use auth_proto::DPOP_NONCE;
use std::{error::Error, iter, time::Duration};

use tonic::{Code, ConnectError, Status};
use tonic_types::StatusExt as _;

use crate::{
    error::{AuthError, Refusal, RefusalKind},
    reason::{ErrorReason, Reason},
};

/// Used where auth-service sends no `RetryInfo`.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The meaning of a failed call.
pub(super) enum CallOutcome {
    /// auth-service answered with an error.
    Answer(AuthError),
    /// auth-service did not answer: the connection failed before or after the request was sent.
    NoAnswer {
        /// All errors of the chain, down to that of the operating system.
        cause: String,
        /// Whether the request may have arrived.
        was_sent: bool,
    },
}

impl CallOutcome {
    /// The request may have arrived, and no answer came before the deadline.
    pub(super) fn timed_out() -> Self {
        Self::NoAnswer {
            cause: "no answer in time".to_owned(),
            was_sent: true,
        }
    }
}

/// A status with `google.rpc.ErrorInfo` is auth-service's answer. Statuses without it come from tonic, hyper or a proxy, and mean a
/// broken connection except for some codes.
pub(super) fn classify_status(status: &Status) -> CallOutcome {
    let details = status.get_error_details();
    if let Some(info) = details.error_info() {
        let retry_delay = details.retry_info().and_then(|info| info.retry_delay);
        let refusal = Refusal {
            kind: RefusalKind::Invalid,
            reason: Reason::from_wire_name(&info.reason),
            message: status.message().to_owned(),
            dpop_nonce: info.metadata.get(DPOP_NONCE).cloned(),
        };
        return CallOutcome::Answer(error(status, refusal, retry_delay));
    }
    match status.code() {
        Code::OutOfRange => CallOutcome::Answer(AuthError::Refused(Refusal {
            kind: RefusalKind::Invalid,
            reason: ErrorReason::InvalidRequest.into(),
            message: "the request is too large".to_owned(),
            dpop_nonce: None,
        })),
        Code::Unimplemented => CallOutcome::Answer(AuthError::Broken(status.message().to_owned())),
        Code::ResourceExhausted => CallOutcome::Answer(overloaded()),
        _ => CallOutcome::NoAnswer {
            cause: causes(status),
            was_sent: !never_connected(status),
        },
    }
}

fn error(status: &Status, refusal: Refusal, retry_delay: Option<Duration>) -> AuthError {
    let retry_after = retry_delay.unwrap_or(RETRY_AFTER);
    let kind = match status.code() {
        Code::Unauthenticated => RefusalKind::Unauthenticated,
        Code::PermissionDenied if refusal.reason == ErrorReason::ServiceSecretWrong => {
            return AuthError::Broken(refusal.message);
        }
        Code::PermissionDenied => RefusalKind::Forbidden,
        Code::InvalidArgument | Code::NotFound => RefusalKind::Invalid,
        Code::AlreadyExists | Code::FailedPrecondition | Code::Aborted => RefusalKind::Conflict,
        Code::ResourceExhausted if refusal.reason == ErrorReason::Throttled => {
            return AuthError::Throttled { retry_after };
        }
        Code::ResourceExhausted | Code::Unavailable => {
            return AuthError::Unavailable {
                reason: refusal.reason,
                retry_after,
            };
        }
        _ => return AuthError::Broken(status.to_string()),
    };
    AuthError::Refused(Refusal { kind, ..refusal })
}

/// The messages of the status and of all its sources.
fn causes(status: &Status) -> String {
    let sources = sources(status).map(|error| format!(": {error}"));
    let sources = sources.collect::<String>();
    format!("{}{sources}", status.message())
}

fn never_connected(status: &Status) -> bool {
    sources(status).any(<dyn Error>::is::<ConnectError>)
}

fn sources(status: &Status) -> impl Iterator<Item = &(dyn Error + 'static)> {
    iter::successors(status.source(), |error: &&(dyn Error + 'static)| {
        (*error).source()
    })
}

/// No endpoint answered.
pub(super) fn unreachable() -> AuthError {
    AuthError::Unavailable {
        reason: Reason::Unreachable,
        retry_after: RETRY_AFTER,
    }
}

/// auth-service has no request slot left.
fn overloaded() -> AuthError {
    AuthError::Unavailable {
        reason: ErrorReason::Overloaded.into(),
        retry_after: RETRY_AFTER,
    }
}
