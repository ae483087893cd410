//! Responses that were recorded from the `SoftToken` of `webauthn-authenticator-rs` 0.6.2, whose dependencies this workspace does not have.

use holdfast_webauthn::{
    Account, AuthenticationCeremony, AuthenticationResponse, ClientDataError, CounterState,
    Registration, RegistrationError, RegistrationResponse, StoredCredential, UserVerification,
};
use serde_json::Value;

use crate::{challenge, handle, policy, relying_party};

fn register(recorded: &Value) -> Result<Registration, RegistrationError> {
    let json = recorded["registration"].to_string();
    let response = RegistrationResponse::from_json(&json).unwrap();
    relying_party().verify_registration(&challenge(), &policy(), response)
}

#[test]
fn responses_of_softtoken_are_verified() {
    let recorded: Value = serde_json::from_str(include_str!("../data/softtoken.json")).unwrap();
    let registration = register(&recorded["authenticator"]).unwrap();
    assert_eq!(registration.attestation_format, "packed");
    let json = recorded["authenticator"]["authentication"].to_string();
    let response = AuthenticationResponse::from_json(&json).unwrap();
    // It is a security key without discoverable credentials.
    assert_eq!(response.user_handle(), None);
    let credential = &registration.credential;
    let ceremony = AuthenticationCeremony {
        challenge: &challenge(),
        user_verification: UserVerification::Required,
        allowed: std::slice::from_ref(&credential.id),
    };
    let outcome = relying_party().verify_authentication(
        &ceremony,
        Account::Known(&handle()),
        StoredCredential::from(credential),
        &response,
    );
    assert_eq!(outcome.unwrap().counter, CounterState::Increased);
}

/// Its client, other than browsers, appends a slash to the origin.
#[test]
fn origin_with_a_path_is_refused() {
    let recorded: Value = serde_json::from_str(include_str!("../data/softtoken.json")).unwrap();
    let error = register(&recorded["client"]).unwrap_err();
    assert_eq!(error, ClientDataError::Origin.into());
}
