//! The refusal of a call that completes an authentication in one step where one step is not enough.

use auth_proto::v1::ErrorReason;
use holdfast_identity::authentication::{AuthenticationState, NextSteps};
use time::format_description::well_known::Rfc3339;
use tonic::Status;
use tonic_types::StatusExt as _;

use crate::grpc::{
    encode,
    errors::{code_of, details},
};

/// The value of an authentication that is complete, or `ADDITIONAL_FACTOR_REQUIRED`.
pub(in crate::grpc) fn completed<T>(state: AuthenticationState<T>) -> Result<T, Status> {
    match state {
        AuthenticationState::Done(value) => Ok(value),
        AuthenticationState::Next(next) => Err(additional_factor_required(next)),
    }
}

fn additional_factor_required(next: NextSteps) -> Status {
    let names = next.factors.into_iter().map(encode::factor_name);
    let names: Vec<_> = names.collect();
    let expires_at = next.expires_at.format(&Rfc3339).unwrap_or_default();
    let reason = ErrorReason::AdditionalFactorRequired;
    let metadata = [
        ("attempt", next.attempt),
        ("factors", names.join(" ")),
        ("expires_at", expires_at),
    ];
    let message = "a further factor is required; continue the attempt";
    Status::with_error_details(code_of(reason), message, details(reason, metadata))
}

#[cfg(test)]
mod tests {
    use holdfast_identity::authentication::Factor;
    use time::OffsetDateTime;
    use tonic::Code;

    use super::*;

    #[test]
    fn incomplete_authentication_is_a_refusal_with_the_attempt() {
        assert_eq!(completed(AuthenticationState::Done(1)).unwrap(), 1);
        let next = NextSteps {
            attempt: "hfa_AAAA".to_owned(),
            factors: vec![Factor::Password],
            expires_at: OffsetDateTime::UNIX_EPOCH,
        };
        let refused = completed(AuthenticationState::<()>::Next(next)).unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
        let details = refused.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!(info.reason, "ADDITIONAL_FACTOR_REQUIRED");
        for (key, value) in [
            ("attempt", "hfa_AAAA"),
            ("factors", "PASSWORD"),
            ("expires_at", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(info.metadata.get(key).map(String::as_str), Some(value));
        }
    }
}
