//! Ceremonies with implementations of other projects: authenticators of `soft-webauthn` and `fido2`, and the verdicts of `fido2` and
//! `@simplewebauthn/server` about the same responses.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

#[expect(dead_code, reason = "shared with the tests of ceremonies")]
#[path = "../ceremonies/authenticator.rs"]
mod authenticator;
mod authenticators;
mod cases;
mod peer;
mod verdicts;

use holdfast_webauthn::{
    Account, Algorithm, Authentication, AuthenticationCeremony, AuthenticationResponse, Challenge,
    Registration, RegistrationPolicy, RegistrationResponse, RelyingParty, ResidentKey,
    StoredCredential, UserHandle, UserVerification,
};

const RP_ID: &str = "example.org";
const ORIGIN: &str = "https://login.example.org";

fn relying_party() -> RelyingParty {
    RelyingParty::new(RP_ID, "Example", ORIGIN.parse().unwrap(), Vec::new()).unwrap()
}

fn challenge() -> Challenge {
    Challenge::new([7; 32])
}

fn policy(algorithms: &[Algorithm], user_verification: UserVerification) -> RegistrationPolicy {
    RegistrationPolicy {
        algorithms: algorithms.to_vec(),
        resident_key: ResidentKey::Required,
        user_verification,
    }
}

fn handle() -> UserHandle {
    UserHandle::try_from([1; 16].as_slice()).unwrap()
}

/// Verifies a registration. Errors are texts here, as those of the others are.
fn register(json: &str, policy: &RegistrationPolicy) -> Result<Registration, String> {
    let response = RegistrationResponse::from_json(json).map_err(|error| error.to_string())?;
    let verified = relying_party().verify_registration(&challenge(), policy, response);
    verified.map_err(|error| error.to_string())
}

/// Verifies an authentication with the credential of a registration.
fn authenticate(
    registration: &Registration,
    json: &str,
    user_verification: UserVerification,
) -> Result<Authentication, String> {
    let response = AuthenticationResponse::from_json(json).map_err(|error| error.to_string())?;
    let ceremony = AuthenticationCeremony {
        challenge: &challenge(),
        user_verification,
        allowed: &[],
    };
    let credential = StoredCredential::from(&registration.credential);
    let account = Account::Discovered(&handle());
    let verified = relying_party().verify_authentication(&ceremony, account, credential, &response);
    verified.map_err(|error| error.to_string())
}
