//! The code of each reason, as the contract states it.

use auth_proto::v1::ErrorReason;
use tonic::Code;

/// The code of a status with this reason.
pub(super) const fn code_of(reason: ErrorReason) -> Code {
    use ErrorReason as R;
    match reason {
        R::Unspecified => Code::Unknown,
        R::InvalidCredentials
        | R::TokenMissing
        | R::TokenMalformed
        | R::TokenBadSignature
        | R::TokenExpired
        | R::TokenNotYetValid
        | R::TokenRevoked
        | R::TokenWrongAudience
        | R::TokenWrongIssuer
        | R::TokenNotBound
        | R::LoginEnded
        | R::RefreshReused
        | R::CodeInvalid
        | R::CodeReused
        | R::InvalidClient
        | R::AttemptInvalid
        | R::AdditionalFactorRequired
        | R::DpopProofRequired
        | R::DpopProofInvalid
        | R::DpopNonceRequired => Code::Unauthenticated,
        R::InsufficientScope
        | R::ServiceIdentityRequired
        | R::ServiceSecretWrong
        | R::StepUpRequired
        | R::UnauthorizedClient => Code::PermissionDenied,
        R::InvalidRequest
        | R::InvalidScope
        | R::InvalidAudience
        | R::AuthorizationInvalid
        | R::PasswordRejected
        | R::CodeRejected
        | R::PasskeyRejected => Code::InvalidArgument,
        R::UsernameTaken | R::ClientIdTaken | R::StreamExists => Code::AlreadyExists,
        R::UserNotFound
        | R::LoginNotFound
        | R::GrantNotFound
        | R::ClientNotFound
        | R::FactorNotFound
        | R::ApplicationNotFound
        | R::StreamNotFound => Code::NotFound,
        R::KeyPending
        | R::FactorRequired
        | R::FactorNotEnrolled
        | R::FactorLimitReached
        | R::PasskeysOff => Code::FailedPrecondition,
        R::Conflict => Code::Aborted,
        R::Overloaded | R::Throttled => Code::ResourceExhausted,
        R::StoreUnavailable => Code::Unavailable,
        R::Internal => Code::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTRACT: &str = include_str!("../../../../proto/auth/v1/error_reason.proto");

    /// `UNAUTHENTICATED` of `Unauthenticated`.
    fn screaming(code: Code) -> String {
        let mut name = String::new();
        for letter in format!("{code:?}").chars() {
            if letter.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(letter.to_ascii_uppercase());
        }
        name
    }

    #[test]
    fn code_of_each_reason_is_that_of_the_contract() {
        let mut code = None;
        let mut checked = 0;
        for line in CONTRACT.lines().map(str::trim) {
            if let Some(comment) = line.strip_prefix("// ") {
                code = code.or(comment.split(['.', ',']).next());
            } else if let Some((name, _)) = line.split_once(" = ") {
                let reason = ErrorReason::from_str_name(name);
                let expected = code.take();
                if let Some(reason) = reason.filter(|reason| *reason != ErrorReason::Unspecified) {
                    assert_eq!(
                        Some(screaming(code_of(reason)).as_str()),
                        expected,
                        "{name}"
                    );
                    checked += 1;
                }
            } else {
                code = None;
            }
        }
        assert!(checked >= 35, "{checked}");
    }
}
