//! The refusal of a call that completes an authentication in one step where one step is not enough.

use auth_proto::v1::ErrorReason;
use holdfast_identity::authentication::{AuthenticationState, NextSteps};
use prost::Message as _;
use prost_types::Any;
use tonic::Status;
use tonic_types::pb;

use crate::grpc::{
    encode,
    errors::{code_of, refuse},
};

/// The type of the detail that says what may follow.
const NEXT_STEPS: &str = "type.googleapis.com/auth.v1.NextSteps";

/// The value of an authentication that is complete, or `ADDITIONAL_FACTOR_REQUIRED`.
pub(in crate::grpc) fn completed<T>(state: AuthenticationState<T>) -> Result<T, Status> {
    match state {
        AuthenticationState::Done(value) => Ok(value),
        AuthenticationState::Next(next) => Err(additional_factor_required(next)),
    }
}

fn additional_factor_required(next: NextSteps) -> Status {
    let reason = ErrorReason::AdditionalFactorRequired;
    let message = "a further factor is required; continue the attempt";
    let refusal = refuse(reason, message);
    // What `refuse` encodes, and one detail more.
    let mut details = pb::Status::decode(refusal.details()).unwrap_or_default();
    details.details.push(Any {
        type_url: NEXT_STEPS.to_owned(),
        value: encode::next_steps(next).encode_to_vec(),
    });
    let details = details.encode_to_vec().into();
    Status::with_details(code_of(reason), message, details)
}

#[cfg(test)]
mod tests {
    use auth_proto::v1;
    use holdfast_identity::authentication::NextStep;
    use time::OffsetDateTime;
    use tonic::Code;
    use tonic_types::StatusExt as _;

    use super::*;

    #[test]
    fn incomplete_authentication_is_a_refusal_with_the_attempt() {
        assert_eq!(completed(AuthenticationState::Done(1)).unwrap(), 1);
        let next = NextSteps {
            attempt: "hfa_AAAA".to_owned(),
            steps: vec![NextStep::Totp, NextStep::RecoveryCode],
            expires_at: OffsetDateTime::UNIX_EPOCH,
            trusted_browser_ttl: None,
        };
        let expected = encode::next_steps(next.clone());
        let refused = completed(AuthenticationState::<()>::Next(next)).unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
        let info = refused.get_details_error_info().unwrap();
        assert_eq!(info.reason, "ADDITIONAL_FACTOR_REQUIRED");
        let details = pb::Status::decode(refused.details()).unwrap().details;
        assert_eq!(details.len(), 2);
        let steps = v1::NextSteps::decode(details[1].value.as_slice()).unwrap();
        assert_eq!(steps, expected);
    }
}
