//! Ceremonies of a relying party with an authenticator, and each way in which one is refused.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod authentication;
mod authenticator;
mod properties;
mod recorded;
mod registration;
mod response;
mod specification;

use holdfast_webauthn::{
    Algorithm, Challenge, RegistrationPolicy, RelyingParty, ResidentKey, UserHandle,
    UserVerification,
};

const RP_ID: &str = "example.org";
const ORIGIN: &str = "https://login.example.org";
const RELATED: &str = "https://example.com";

fn relying_party() -> RelyingParty {
    let related = vec![RELATED.parse().unwrap()];
    RelyingParty::new(RP_ID, "Example", ORIGIN.parse().unwrap(), related).unwrap()
}

fn challenge() -> Challenge {
    Challenge::new([7; 32])
}

fn policy() -> RegistrationPolicy {
    RegistrationPolicy {
        algorithms: Algorithm::ALL.to_vec(),
        resident_key: ResidentKey::Required,
        user_verification: UserVerification::Required,
    }
}

fn handle() -> UserHandle {
    UserHandle::try_from([1; 16].as_slice()).unwrap()
}
