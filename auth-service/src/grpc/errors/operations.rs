//! The reason of each error of an operation.

use auth_proto::v1::ErrorReason;
use holdfast_identity::{
    account::{ChangeAccountError, CreateAccountError},
    authentication::{
        BindTrustError, ChangeFactorError, ChangePasswordError, ContinueError, ReauthenticateError,
        SignInError,
    },
    login::{
        EndConsentError, EndGrantError, EndLoginError, EndOtherLoginsError, ReportDeviceError,
    },
    oauth::{AuthorizeError, InvalidClient, PushError, RegisterClientError},
    signals::SignalError,
    token::{IntrospectError, IssueTokenError, RevokeTokenError, TokenError, ValidateTokenError},
};
use tonic::Status;

use crate::grpc::errors::{IntoStatus, refuse};

/// Implements [`IntoStatus`] for error enums. `Variant => Reason` is a status of that reason with the error's own text;
/// `..Variant` is the status of the error that the variant's first field is.
macro_rules! reasons {
    ($($error:ident { $($variant:ident => $reason:ident,)* $(..$inner:ident,)* })+) => {$(
        impl IntoStatus for $error {
            fn into_status(self) -> Status {
                match self {
                    $(error @ $error::$variant { .. } => refuse(ErrorReason::$reason, error.to_string()),)*
                    $($error::$inner(error, ..) => error.into_status(),)*
                }
            }
        }
    )+};
}

reasons! {
    SignInError {
        InvalidCredentials => InvalidCredentials,
        WrongRecoveryCode => InvalidCredentials,
        WrongFactor => InvalidCredentials,
        ..Throttled,
        ..Fault,
    }
    ContinueError {
        InvalidAttempt => AttemptInvalid,
        ..SignIn,
    }
    ReauthenticateError {
        InvalidCredentials => InvalidCredentials,
        WrongFactor => InvalidCredentials,
        NotEnrolled => FactorNotEnrolled,
        InvalidAttempt => AttemptInvalid,
        LoginEnded => LoginEnded,
        ..Throttled,
        ..Fault,
    }
    ChangePasswordError {
        InvalidCredentials => InvalidCredentials,
        ..StepUpRequired,
        ..Throttled,
        ..Password,
        ..Fault,
    }
    ChangeFactorError {
        WrongCode => CodeRejected,
        PasskeyRejected => PasskeyRejected,
        TooMany => FactorLimitReached,
        PasskeysOff => PasskeysOff,
        InvalidAttempt => AttemptInvalid,
        NotFound => FactorNotFound,
        NotEnrolled => FactorNotEnrolled,
        Required => FactorRequired,
        PasswordlessNeeds => FactorRequired,
        Conflict => Conflict,
        ..StepUpRequired,
        ..Password,
        ..Fault,
    }

    IssueTokenError {
        Malformed => TokenMalformed,
        Expired => TokenExpired,
        LoginEnded => LoginEnded,
        Reused => RefreshReused,
        CodeInvalid => CodeInvalid,
        CodeReused => CodeReused,
        ServiceIdentityRequired => ServiceIdentityRequired,
        InvalidClient => InvalidClient,
        UnauthorizedClient => UnauthorizedClient,
        InvalidScope => InvalidScope,
        InvalidAudience => InvalidAudience,
        ..StepUpRequired,
        ..Dpop,
        ..Throttled,
        ..Fault,
    }
    ReportDeviceError {
        Malformed => TokenMalformed,
        LoginEnded => LoginEnded,
        ..Fault,
    }
    BindTrustError {
        Malformed => TokenMalformed,
        LoginEnded => LoginEnded,
        NotFound => FactorNotFound,
        ..Fault,
    }
    TokenError {
        Malformed => TokenMalformed,
        BadSignature => TokenBadSignature,
        WrongIssuer => TokenWrongIssuer,
        WrongAudience => TokenWrongAudience,
        NotYetValid => TokenNotYetValid,
        Expired => TokenExpired,
        Revoked => TokenRevoked,
        LoginEnded => LoginEnded,
        NotBound => TokenNotBound,
    }
    ValidateTokenError {
        InsufficientScope => InsufficientScope,
        ..StepUpRequired,
        ..Token,
        ..Dpop,
        ..Fault,
    }
    RevokeTokenError {
        InvalidClient => InvalidClient,
        UnauthorizedClient => UnauthorizedClient,
        InsufficientScope => InsufficientScope,
        ..Dpop,
        ..Throttled,
        ..Fault,
    }
    IntrospectError {
        InvalidClient => InvalidClient,
        ..Throttled,
        ..Fault,
    }

    InvalidClient {
        InvalidClient => InvalidClient,
        ..Fault,
    }
    RegisterClientError {
        IdTaken => ClientIdTaken,
        NotFound => ClientNotFound,
        Key => InvalidRequest,
        Scope => InvalidRequest,
        ScopeTooLong => InvalidRequest,
        Id => InvalidRequest,
        Audience => InvalidRequest,
        RedirectUris => InvalidRequest,
        PairwiseSubjects => InvalidRequest,
        IdTokenAlgorithm => InvalidRequest,
        NoSecret => InvalidRequest,
        Protected => InvalidRequest,
        ..Fault,
    }

    AuthorizeError {
        Document => AuthorizationInvalid,
        UnknownClient => AuthorizationInvalid,
        RedirectUri => AuthorizationInvalid,
        RepeatedParameter => AuthorizationInvalid,
        Expired => AuthorizationInvalid,
        ..Throttled,
        ..Fault,
    }
    PushError {
        InvalidClient => InvalidClient,
        Parameter => InvalidRequest,
        ..Dpop,
        ..Fault,
    }
    EndConsentError {
        NotFound => ApplicationNotFound,
        ..StepUpRequired,
        ..Fault,
    }

    SignalError {
        Exists => StreamExists,
        NotFound => StreamNotFound,
        ..Fault,
    }

    CreateAccountError {
        NameTaken => UsernameTaken,
        ..Password,
        ..Fault,
    }
    ChangeAccountError {
        NotFound => UserNotFound,
        Passwordless => FactorRequired,
        ..Password,
        ..Fault,
    }
    EndLoginError {
        NotFound => LoginNotFound,
        ..StepUpRequired,
        ..Fault,
    }
    EndGrantError {
        NotFound => GrantNotFound,
        ..StepUpRequired,
        ..Fault,
    }
    EndOtherLoginsError {
        ..StepUpRequired,
        ..Fault,
    }
}
