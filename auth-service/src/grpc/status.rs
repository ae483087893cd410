//! The one place where a refusal of the domain becomes a gRPC status with its stable reason.

use std::time::Duration;

use auth_proto::v1::ErrorReason;
use service_kit::seldom::Seldom;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::domain::{
    access_token::TokenRefused,
    accounts::{ChangeRefused, CreateRefused},
    authority::{
        ChangePasswordRefused, ClientNotProven, DpopRefused, EndLoginRefused, EndOthersRefused,
        IntrospectRefused, IssueRefused, LoginRefused, ReauthenticateRefused, RevokeRefused,
        StepUpRequired, ValidateRefused,
    },
    clients::ClientRefused,
    error::Fault,
    password::PasswordRejected,
    throttle::Throttled,
};

static INTERNAL_FAULTS: Seldom = Seldom::new();

/// `domain` of every `google.rpc.ErrorInfo`.
const DOMAIN: &str = "holdfast";
/// In the metadata of what is said of a proof: what the next one has to contain.
const DPOP_NONCE: &str = "dpop_nonce";
const PREFIX: &str = "ERROR_REASON_";
static STORE_FAULTS: Seldom = Seldom::new();
static OVERLOADS: Seldom = Seldom::new();
const STORE_RETRY: Duration = Duration::from_secs(1);
const OVERLOAD_RETRY: Duration = Duration::from_secs(1);

/// A status with its reason.
pub(super) fn refuse(code: Code, reason: ErrorReason, message: impl Into<String>) -> Status {
    Status::with_error_details(code, message, details(reason))
}

/// A field that is missing or has a value it cannot have.
pub(super) fn invalid(field: &str, why: impl Into<String>) -> Status {
    let why = why.into();
    let mut details = details(ErrorReason::InvalidRequest);
    details.add_bad_request_violation(field, why.as_str());
    Status::with_error_details(Code::InvalidArgument, format!("{field}: {why}"), details)
}

/// A fault of this service, of which the caller learns nothing more.
pub(super) fn internal() -> Status {
    refuse(Code::Internal, ErrorReason::Internal, "internal error")
}

/// The call found no place; nothing was done for it.
pub(super) fn overloaded(message: &str) -> Status {
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
    ErrorDetails::with_error_info(name(reason), DOMAIN, [])
}

fn name(reason: ErrorReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix(PREFIX).unwrap_or(name)
}

fn password_rejected(rejected: &PasswordRejected) -> Status {
    refuse(
        Code::InvalidArgument,
        ErrorReason::PasswordRejected,
        rejected.to_string(),
    )
}

impl From<Fault> for Status {
    fn from(fault: Fault) -> Self {
        match fault {
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

impl From<Throttled> for Status {
    fn from(throttled: Throttled) -> Self {
        let message = throttled.to_string();
        retry_later(
            Code::ResourceExhausted,
            ErrorReason::Throttled,
            &message,
            throttled.retry_after,
        )
    }
}

impl From<StepUpRequired> for Status {
    fn from(refused: StepUpRequired) -> Self {
        refuse(
            Code::PermissionDenied,
            ErrorReason::StepUpRequired,
            refused.to_string(),
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

impl From<LoginRefused> for Status {
    fn from(refused: LoginRefused) -> Self {
        let message = refused.to_string();
        match refused {
            LoginRefused::InvalidCredentials(_) => invalid_credentials(message),
            LoginRefused::Throttled(throttled, _) => throttled.into(),
            LoginRefused::Fault(fault) => fault.into(),
        }
    }
}

impl From<IssueRefused> for Status {
    fn from(refused: IssueRefused) -> Self {
        let message = refused.to_string();
        let (code, reason) = match refused {
            IssueRefused::Malformed => (Code::Unauthenticated, ErrorReason::TokenMalformed),
            IssueRefused::Expired => (Code::Unauthenticated, ErrorReason::TokenExpired),
            IssueRefused::LoginEnded => (Code::Unauthenticated, ErrorReason::LoginEnded),
            IssueRefused::Reused(..) => (Code::Unauthenticated, ErrorReason::RefreshReused),
            IssueRefused::ServiceIdentityRequired => {
                (Code::PermissionDenied, ErrorReason::ServiceIdentityRequired)
            }
            IssueRefused::InvalidClient => (Code::Unauthenticated, ErrorReason::InvalidClient),
            IssueRefused::UnauthorizedClient => {
                (Code::PermissionDenied, ErrorReason::UnauthorizedClient)
            }
            IssueRefused::StepUpRequired(refused) => return refused.into(),
            IssueRefused::Dpop(refused) => return refused.into(),
            IssueRefused::Throttled(throttled, ..) => return throttled.into(),
            IssueRefused::InvalidScope => (Code::InvalidArgument, ErrorReason::InvalidScope),
            IssueRefused::InvalidAudience => (Code::InvalidArgument, ErrorReason::InvalidAudience),
            IssueRefused::Fault(fault) => return fault.into(),
        };
        refuse(code, reason, message)
    }
}

impl From<ValidateRefused> for Status {
    fn from(refused: ValidateRefused) -> Self {
        let message = refused.to_string();
        match refused {
            ValidateRefused::Token(refused) => {
                refuse(Code::Unauthenticated, token_reason(refused), message)
            }
            ValidateRefused::InsufficientScope => refuse(
                Code::PermissionDenied,
                ErrorReason::InsufficientScope,
                message,
            ),
            ValidateRefused::Dpop(refused) => refused.into(),
            ValidateRefused::Fault(fault) => fault.into(),
        }
    }
}

impl From<RevokeRefused> for Status {
    fn from(refused: RevokeRefused) -> Self {
        match refused {
            RevokeRefused::InsufficientScope => ValidateRefused::InsufficientScope.into(),
            RevokeRefused::Dpop(refused) => refused.into(),
            RevokeRefused::Throttled(throttled) => throttled.into(),
            RevokeRefused::Fault(fault) => fault.into(),
        }
    }
}

impl From<DpopRefused> for Status {
    fn from(refused: DpopRefused) -> Self {
        let message = refused.to_string();
        let (reason, nonce) = match refused {
            DpopRefused::Required(nonce) => (ErrorReason::DpopProofRequired, nonce),
            DpopRefused::Invalid(nonce) => (ErrorReason::DpopProofInvalid, nonce),
            DpopRefused::NonceRequired(nonce) => (ErrorReason::DpopNonceRequired, nonce),
            DpopRefused::Fault(fault) => return fault.into(),
        };
        let metadata = [(DPOP_NONCE.to_owned(), nonce)];
        let details = ErrorDetails::with_error_info(name(reason), DOMAIN, metadata);
        Self::with_error_details(Code::Unauthenticated, message, details)
    }
}

const fn token_reason(refused: TokenRefused) -> ErrorReason {
    match refused {
        TokenRefused::Malformed => ErrorReason::TokenMalformed,
        TokenRefused::BadSignature => ErrorReason::TokenBadSignature,
        TokenRefused::WrongIssuer => ErrorReason::TokenWrongIssuer,
        TokenRefused::WrongAudience => ErrorReason::TokenWrongAudience,
        TokenRefused::NotYetValid => ErrorReason::TokenNotYetValid,
        TokenRefused::Expired => ErrorReason::TokenExpired,
        TokenRefused::Revoked => ErrorReason::TokenRevoked,
        TokenRefused::LoginEnded => ErrorReason::LoginEnded,
        TokenRefused::NotBound => ErrorReason::TokenNotBound,
    }
}

impl From<ChangePasswordRefused> for Status {
    fn from(refused: ChangePasswordRefused) -> Self {
        let message = refused.to_string();
        match refused {
            ChangePasswordRefused::InvalidCredentials => invalid_credentials(message),
            ChangePasswordRefused::StepUpRequired(refused) => refused.into(),
            ChangePasswordRefused::Throttled(throttled) => throttled.into(),
            ChangePasswordRefused::Password(rejected) => password_rejected(&rejected),
            ChangePasswordRefused::Fault(fault) => fault.into(),
        }
    }
}

impl From<ReauthenticateRefused> for Status {
    fn from(refused: ReauthenticateRefused) -> Self {
        let message = refused.to_string();
        match refused {
            ReauthenticateRefused::InvalidCredentials => invalid_credentials(message),
            ReauthenticateRefused::Throttled(throttled) => throttled.into(),
            ReauthenticateRefused::Fault(fault) => fault.into(),
        }
    }
}

impl From<ClientNotProven> for Status {
    fn from(refused: ClientNotProven) -> Self {
        IssueRefused::from(refused).into()
    }
}

impl From<IntrospectRefused> for Status {
    fn from(refused: IntrospectRefused) -> Self {
        match refused {
            IntrospectRefused::InvalidClient => IssueRefused::InvalidClient.into(),
            IntrospectRefused::Throttled(throttled, _) => throttled.into(),
            IntrospectRefused::Fault(fault) => fault.into(),
        }
    }
}

impl From<ClientRefused> for Status {
    fn from(refused: ClientRefused) -> Self {
        let message = refused.to_string();
        let (code, reason) = match refused {
            ClientRefused::IdTaken => (Code::AlreadyExists, ErrorReason::ClientIdTaken),
            ClientRefused::NotFound => (Code::NotFound, ErrorReason::ClientNotFound),
            ClientRefused::Key(_)
            | ClientRefused::Scope
            | ClientRefused::Audience
            | ClientRefused::NoSecret
            | ClientRefused::FirstParty => (Code::InvalidArgument, ErrorReason::InvalidRequest),
            ClientRefused::Fault(fault) => return fault.into(),
        };
        refuse(code, reason, message)
    }
}

impl From<CreateRefused> for Status {
    fn from(refused: CreateRefused) -> Self {
        let message = refused.to_string();
        match refused {
            CreateRefused::Password(rejected) => password_rejected(&rejected),
            CreateRefused::NameTaken => {
                refuse(Code::AlreadyExists, ErrorReason::UsernameTaken, message)
            }
            CreateRefused::Fault(fault) => fault.into(),
        }
    }
}

impl From<EndLoginRefused> for Status {
    fn from(refused: EndLoginRefused) -> Self {
        let message = refused.to_string();
        match refused {
            EndLoginRefused::NotFound => {
                refuse(Code::NotFound, ErrorReason::LoginNotFound, message)
            }
            EndLoginRefused::StepUpRequired(refused) => refused.into(),
            EndLoginRefused::Fault(fault) => fault.into(),
        }
    }
}

impl From<EndOthersRefused> for Status {
    fn from(refused: EndOthersRefused) -> Self {
        match refused {
            EndOthersRefused::StepUpRequired(refused) => refused.into(),
            EndOthersRefused::Fault(fault) => fault.into(),
        }
    }
}

impl From<ChangeRefused> for Status {
    fn from(refused: ChangeRefused) -> Self {
        let message = refused.to_string();
        match refused {
            ChangeRefused::NotFound => refuse(Code::NotFound, ErrorReason::UserNotFound, message),
            ChangeRefused::Password(rejected) => password_rejected(&rejected),
            ChangeRefused::Fault(fault) => fault.into(),
        }
    }
}
