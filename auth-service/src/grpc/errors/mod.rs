//! The one place where a refusal of the domain becomes a gRPC status with its stable reason.

use std::time::Duration;

use auth_proto::v1::ErrorReason;
use holdfast_core::rate_limited_log::LogRateLimiter;
use holdfast_identity::{
    account::{ChangeAccountError, CreateAccountError, PasswordRejected},
    authentication::{
        ChangePasswordError, ReauthenticateError, SignInError, StepUpRequired, Throttled,
    },
    error::Fault,
    login::{EndLoginError, EndOtherLoginsError},
    oauth::{DpopError, InvalidClient, RegisterClientError},
    token::{IntrospectError, IssueTokenError, RevokeTokenError, TokenError, ValidateTokenError},
};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

static INTERNAL_FAULTS: LogRateLimiter = LogRateLimiter::new();

/// `domain` of every `google.rpc.ErrorInfo`.
const DOMAIN: &str = "holdfast";
/// In the metadata of what is said of a proof: what the next one has to contain.
const DPOP_NONCE: &str = "dpop_nonce";
static STORE_FAULTS: LogRateLimiter = LogRateLimiter::new();
static OVERLOADS: LogRateLimiter = LogRateLimiter::new();
const STORE_RETRY: Duration = Duration::from_secs(1);
const OVERLOAD_RETRY: Duration = Duration::from_secs(1);

/// A status with its reason.
pub(in crate::grpc) fn refuse(
    code: Code,
    reason: ErrorReason,
    message: impl Into<String>,
) -> Status {
    Status::with_error_details(code, message, details(reason))
}

/// A field that is missing or has a value it cannot have.
pub(in crate::grpc) fn invalid(field: &str, why: impl Into<String>) -> Status {
    let why = why.into();
    let mut details = details(ErrorReason::InvalidRequest);
    details.add_bad_request_violation(field, why.as_str());
    Status::with_error_details(Code::InvalidArgument, format!("{field}: {why}"), details)
}

/// A fault of this service, of which the caller learns nothing more.
pub(in crate::grpc) fn internal() -> Status {
    refuse(Code::Internal, ErrorReason::Internal, "internal error")
}

/// The call found no place; nothing was done for it.
pub(in crate::grpc) fn overloaded(message: &str) -> Status {
    retry_later(
        Code::ResourceExhausted,
        ErrorReason::Overloaded,
        message,
        OVERLOAD_RETRY,
    )
}

fn retry_later(code: Code, reason: ErrorReason, message: &str, after: Duration) -> Status {
    let mut details = details(reason);
    details.set_retry_info(Some(after));
    Status::with_error_details(code, message, details)
}

fn details(reason: ErrorReason) -> ErrorDetails {
    ErrorDetails::with_error_info(reason.wire_name(), DOMAIN, [])
}

fn password_rejected(rejected: &PasswordRejected) -> Status {
    refuse(
        Code::InvalidArgument,
        ErrorReason::PasswordRejected,
        rejected.to_string(),
    )
}

/// A domain error as the gRPC status that reports it. `From` cannot be implemented: both types are of other crates.
pub(in crate::grpc) trait IntoStatus {
    /// The status, with its reason.
    fn into_status(self) -> Status;
}

/// The outcome of an operation as the answer to an RPC.
pub(in crate::grpc) trait OrStatus<T> {
    /// The value, or the status that reports why there is none.
    fn or_status(self) -> Result<T, Status>;
}

impl<T, E: IntoStatus> OrStatus<T> for Result<T, E> {
    fn or_status(self) -> Result<T, Status> {
        self.map_err(E::into_status)
    }
}

impl IntoStatus for Fault {
    fn into_status(self) -> Status {
        match self {
            Fault::StoreUnavailable(error) => {
                STORE_FAULTS.log(|calls| {
                    tracing::error!(%error, calls, "the database does not answer; calls are refused");
                });
                retry_later(
                    Code::Unavailable,
                    ErrorReason::StoreUnavailable,
                    "the service cannot reach its data",
                    STORE_RETRY,
                )
            }
            Fault::Overloaded { retry_after } => {
                OVERLOADS.log(|refused| {
                    tracing::warn!(
                        refused,
                        "too many passwords are waiting to be checked; the surplus is refused"
                    );
                });
                retry_later(
                    Code::ResourceExhausted,
                    ErrorReason::Overloaded,
                    "too many sign-ins at this moment",
                    retry_after,
                )
            }
            Fault::Internal(error) => {
                INTERNAL_FAULTS.log(|calls| tracing::error!(%error, calls, "a call failed"));
                internal()
            }
        }
    }
}

impl IntoStatus for Throttled {
    fn into_status(self) -> Status {
        let message = self.to_string();
        retry_later(
            Code::ResourceExhausted,
            ErrorReason::Throttled,
            &message,
            self.retry_after,
        )
    }
}

impl IntoStatus for StepUpRequired {
    fn into_status(self) -> Status {
        refuse(
            Code::PermissionDenied,
            ErrorReason::StepUpRequired,
            self.to_string(),
        )
    }
}

fn invalid_credentials(message: String) -> Status {
    refuse(
        Code::Unauthenticated,
        ErrorReason::InvalidCredentials,
        message,
    )
}

impl IntoStatus for SignInError {
    fn into_status(self) -> Status {
        let message = self.to_string();
        match self {
            SignInError::InvalidCredentials(_) => invalid_credentials(message),
            SignInError::Throttled(throttled, _) => throttled.into_status(),
            SignInError::Fault(fault) => fault.into_status(),
        }
    }
}

impl IntoStatus for IssueTokenError {
    fn into_status(self) -> Status {
        let message = self.to_string();
        let (code, reason) = match self {
            IssueTokenError::Malformed => (Code::Unauthenticated, ErrorReason::TokenMalformed),
            IssueTokenError::Expired => (Code::Unauthenticated, ErrorReason::TokenExpired),
            IssueTokenError::LoginEnded => (Code::Unauthenticated, ErrorReason::LoginEnded),
            IssueTokenError::Reused(..) => (Code::Unauthenticated, ErrorReason::RefreshReused),
            IssueTokenError::ServiceIdentityRequired => {
                (Code::PermissionDenied, ErrorReason::ServiceIdentityRequired)
            }
            IssueTokenError::InvalidClient => (Code::Unauthenticated, ErrorReason::InvalidClient),
            IssueTokenError::UnauthorizedClient => {
                (Code::PermissionDenied, ErrorReason::UnauthorizedClient)
            }
            IssueTokenError::StepUpRequired(refused) => return refused.into_status(),
            IssueTokenError::Dpop(refused) => return refused.into_status(),
            IssueTokenError::Throttled(throttled, ..) => return throttled.into_status(),
            IssueTokenError::InvalidScope => (Code::InvalidArgument, ErrorReason::InvalidScope),
            IssueTokenError::InvalidAudience => {
                (Code::InvalidArgument, ErrorReason::InvalidAudience)
            }
            IssueTokenError::Fault(fault) => return fault.into_status(),
        };
        refuse(code, reason, message)
    }
}

impl IntoStatus for ValidateTokenError {
    fn into_status(self) -> Status {
        let message = self.to_string();
        match self {
            ValidateTokenError::Token(refused) => {
                refuse(Code::Unauthenticated, token_reason(refused), message)
            }
            ValidateTokenError::InsufficientScope => refuse(
                Code::PermissionDenied,
                ErrorReason::InsufficientScope,
                message,
            ),
            ValidateTokenError::Dpop(refused) => refused.into_status(),
            ValidateTokenError::Fault(fault) => fault.into_status(),
        }
    }
}

impl IntoStatus for RevokeTokenError {
    fn into_status(self) -> Status {
        match self {
            RevokeTokenError::InsufficientScope => {
                ValidateTokenError::InsufficientScope.into_status()
            }
            RevokeTokenError::Dpop(refused) => refused.into_status(),
            RevokeTokenError::Throttled(throttled) => throttled.into_status(),
            RevokeTokenError::Fault(fault) => fault.into_status(),
        }
    }
}

impl IntoStatus for DpopError {
    fn into_status(self) -> Status {
        let message = self.to_string();
        let (reason, nonce) = match self {
            DpopError::Required(nonce) => (ErrorReason::DpopProofRequired, nonce),
            DpopError::Invalid(nonce) => (ErrorReason::DpopProofInvalid, nonce),
            DpopError::NonceRequired(nonce) => (ErrorReason::DpopNonceRequired, nonce),
            DpopError::Fault(fault) => return fault.into_status(),
        };
        let metadata = [(DPOP_NONCE.to_owned(), nonce)];
        let details = ErrorDetails::with_error_info(reason.wire_name(), DOMAIN, metadata);
        Status::with_error_details(Code::Unauthenticated, message, details)
    }
}

const fn token_reason(refused: TokenError) -> ErrorReason {
    match refused {
        TokenError::Malformed => ErrorReason::TokenMalformed,
        TokenError::BadSignature => ErrorReason::TokenBadSignature,
        TokenError::WrongIssuer => ErrorReason::TokenWrongIssuer,
        TokenError::WrongAudience => ErrorReason::TokenWrongAudience,
        TokenError::NotYetValid => ErrorReason::TokenNotYetValid,
        TokenError::Expired => ErrorReason::TokenExpired,
        TokenError::Revoked => ErrorReason::TokenRevoked,
        TokenError::LoginEnded => ErrorReason::LoginEnded,
        TokenError::NotBound => ErrorReason::TokenNotBound,
    }
}

impl IntoStatus for ChangePasswordError {
    fn into_status(self) -> Status {
        let message = self.to_string();
        match self {
            ChangePasswordError::InvalidCredentials => invalid_credentials(message),
            ChangePasswordError::StepUpRequired(refused) => refused.into_status(),
            ChangePasswordError::Throttled(throttled) => throttled.into_status(),
            ChangePasswordError::Password(rejected) => password_rejected(&rejected),
            ChangePasswordError::Fault(fault) => fault.into_status(),
        }
    }
}

impl IntoStatus for ReauthenticateError {
    fn into_status(self) -> Status {
        let message = self.to_string();
        match self {
            ReauthenticateError::InvalidCredentials => invalid_credentials(message),
            ReauthenticateError::Throttled(throttled) => throttled.into_status(),
            ReauthenticateError::Fault(fault) => fault.into_status(),
        }
    }
}

impl IntoStatus for InvalidClient {
    fn into_status(self) -> Status {
        IssueTokenError::from(self).into_status()
    }
}

impl IntoStatus for IntrospectError {
    fn into_status(self) -> Status {
        match self {
            IntrospectError::InvalidClient => IssueTokenError::InvalidClient.into_status(),
            IntrospectError::Throttled(throttled, _) => throttled.into_status(),
            IntrospectError::Fault(fault) => fault.into_status(),
        }
    }
}

impl IntoStatus for RegisterClientError {
    fn into_status(self) -> Status {
        let message = self.to_string();
        let (code, reason) = match self {
            RegisterClientError::IdTaken => (Code::AlreadyExists, ErrorReason::ClientIdTaken),
            RegisterClientError::NotFound => (Code::NotFound, ErrorReason::ClientNotFound),
            RegisterClientError::Key(_)
            | RegisterClientError::Scope
            | RegisterClientError::Audience
            | RegisterClientError::NoSecret
            | RegisterClientError::FirstParty => {
                (Code::InvalidArgument, ErrorReason::InvalidRequest)
            }
            RegisterClientError::Fault(fault) => return fault.into_status(),
        };
        refuse(code, reason, message)
    }
}

impl IntoStatus for CreateAccountError {
    fn into_status(self) -> Status {
        let message = self.to_string();
        match self {
            CreateAccountError::Password(rejected) => password_rejected(&rejected),
            CreateAccountError::NameTaken => {
                refuse(Code::AlreadyExists, ErrorReason::UsernameTaken, message)
            }
            CreateAccountError::Fault(fault) => fault.into_status(),
        }
    }
}

impl IntoStatus for EndLoginError {
    fn into_status(self) -> Status {
        let message = self.to_string();
        match self {
            EndLoginError::NotFound => refuse(Code::NotFound, ErrorReason::LoginNotFound, message),
            EndLoginError::StepUpRequired(refused) => refused.into_status(),
            EndLoginError::Fault(fault) => fault.into_status(),
        }
    }
}

impl IntoStatus for EndOtherLoginsError {
    fn into_status(self) -> Status {
        match self {
            EndOtherLoginsError::StepUpRequired(refused) => refused.into_status(),
            EndOtherLoginsError::Fault(fault) => fault.into_status(),
        }
    }
}

impl IntoStatus for ChangeAccountError {
    fn into_status(self) -> Status {
        let message = self.to_string();
        match self {
            ChangeAccountError::NotFound => {
                refuse(Code::NotFound, ErrorReason::UserNotFound, message)
            }
            ChangeAccountError::Password(rejected) => password_rejected(&rejected),
            ChangeAccountError::Fault(fault) => fault.into_status(),
        }
    }
}
