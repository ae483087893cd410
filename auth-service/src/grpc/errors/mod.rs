//! The one place where an error becomes a gRPC status.
//!
//! Every status that this service decides on carries a `google.rpc.ErrorInfo` with a reason of [`ErrorReason`], the only list of reasons.

mod additional_factor;
mod code;
mod dpop;
mod fault;
mod metrics;
mod operations;

use std::{collections::HashMap, time::Duration};

use auth_proto::v1::ErrorReason;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use self::code::code_of;
pub(super) use self::{additional_factor::completed, metrics::register as register_metrics};

/// `domain` of every `google.rpc.ErrorInfo`.
const DOMAIN: &str = "holdfast";
/// `retry_delay` of a call that was rejected because too many are in progress.
const OVERLOAD_RETRY: Duration = Duration::from_secs(1);

/// An error of an operation as the status that reports it. `From` cannot be implemented: both types are of other crates.
pub(super) trait IntoStatus {
    /// The status, with its reason.
    fn into_status(self) -> Status;
}

/// The outcome of an operation as the outcome of an RPC.
pub(super) trait OrStatus<T> {
    /// The value, or the status that reports the error.
    fn or_status(self) -> Result<T, Status>;
}

impl<T, E: IntoStatus> OrStatus<T> for Result<T, E> {
    fn or_status(self) -> Result<T, Status> {
        self.map_err(E::into_status)
    }
}

/// A status with a reason and the code that the contract assigns to it.
pub(super) fn refuse(reason: ErrorReason, message: impl Into<String>) -> Status {
    refuse_as(code_of(reason), reason, message)
}

/// A status with a reason and a code of its own, for errors of the transport.
pub(super) fn refuse_as(code: Code, reason: ErrorReason, message: impl Into<String>) -> Status {
    Status::with_error_details(code, message, details(reason, None))
}

/// `INVALID_REQUEST`: a field is missing or has an invalid value. `google.rpc.BadRequest` names the field.
pub(super) fn invalid(field: &str, why: impl Into<String>) -> Status {
    let why = why.into();
    let reason = ErrorReason::InvalidRequest;
    let mut details = details(reason, None);
    details.add_bad_request_violation(field, why.as_str());
    Status::with_error_details(code_of(reason), format!("{field}: {why}"), details)
}

/// `INTERNAL`: a fault of this service. Its cause is in the log only.
pub(super) fn internal() -> Status {
    refuse(ErrorReason::Internal, "internal error")
}

/// `OVERLOADED`: the call got no request slot, and nothing was done for it.
pub(super) fn overloaded(message: &str) -> Status {
    retry_later(ErrorReason::Overloaded, message, OVERLOAD_RETRY)
}

/// A status with `google.rpc.RetryInfo`.
fn retry_later(reason: ErrorReason, message: &str, after: Duration) -> Status {
    let mut details = details(reason, None);
    details.set_retry_info(Some(after));
    Status::with_error_details(code_of(reason), message, details)
}

/// The details of a refusal, which is counted.
fn details(reason: ErrorReason, metadata: Option<(&str, String)>) -> ErrorDetails {
    metrics::count(reason);
    let metadata = metadata.map(|(key, value)| (key.to_owned(), value));
    let metadata: HashMap<_, _> = metadata.into_iter().collect();
    ErrorDetails::with_error_info(reason.wire_name(), DOMAIN, metadata)
}
