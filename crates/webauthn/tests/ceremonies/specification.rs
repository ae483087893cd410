//! The test vectors of WebAuthn Level 3 §16, all of them: `tests/data/specification.json` has their values, as in the editor's draft of
//! 30 July 2026 (© W3C). Their keys, identifiers and challenges are derived by HKDF, so that no authenticator has them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_webauthn::{
    Account, Algorithm, AttestationObject, AuthenticationCeremony, AuthenticationError,
    AuthenticationResponse, Challenge, ClientDataError, CounterState, InvalidAttestationObject,
    InvalidAuthenticatorData, InvalidPublicKey, Registration, RegistrationError,
    RegistrationPolicy, RegistrationResponse, RelyingParty, StoredCredential, UserVerification,
};
use serde_json::{Value, json};

use crate::{handle, policy};

fn bytes(hex: &Value) -> Vec<u8> {
    let digits = hex.as_str().unwrap().as_bytes();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.as_chunks().0.iter().map(byte).collect()
}

fn base64url(hex: &Value) -> String {
    URL_SAFE_NO_PAD.encode(bytes(hex))
}

fn challenge(ceremony: &Value) -> Challenge {
    Challenge::new(bytes(&ceremony["challenge"]).try_into().unwrap())
}

fn relying_party() -> RelyingParty {
    let origin = "https://example.org".parse().unwrap();
    RelyingParty::new("example.org", "Example", origin, Vec::new()).unwrap()
}

fn register(ceremony: &Value) -> Result<Registration, RegistrationError> {
    let id = base64url(&ceremony["credential_id"]);
    let response = json!({
        "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {},
        "response": {
            "clientDataJSON": base64url(&ceremony["clientDataJSON"]),
            "attestationObject": base64url(&ceremony["attestationObject"]),
        },
    });
    let response = RegistrationResponse::from_json(&response.to_string()).unwrap();
    // The flags of the vectors are random.
    let policy = RegistrationPolicy {
        user_verification: UserVerification::Preferred,
        ..policy()
    };
    relying_party().verify_registration(&challenge(ceremony), &policy, response)
}

fn authenticate(registration: &Registration, ceremony: &Value) {
    let credential = &registration.credential;
    let verify = |signature: Vec<u8>| {
        let id = credential.id.to_string();
        let response = json!({
            "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": base64url(&ceremony["clientDataJSON"]),
                "authenticatorData": base64url(&ceremony["authenticatorData"]),
                "signature": URL_SAFE_NO_PAD.encode(signature),
            },
        });
        let request = AuthenticationCeremony {
            challenge: &challenge(ceremony),
            user_verification: UserVerification::Preferred,
            allowed: std::slice::from_ref(&credential.id),
        };
        relying_party().verify_authentication(
            &request,
            Account::Known(&handle()),
            StoredCredential::from(credential),
            &AuthenticationResponse::from_json(&response.to_string()).unwrap(),
        )
    };
    let mut signature = bytes(&ceremony["signature"]);
    assert_eq!(
        verify(signature.clone()).unwrap().counter,
        CounterState::Unused
    );
    *signature.last_mut().unwrap() ^= 1;
    assert_eq!(verify(signature), Err(AuthenticationError::Signature));
}

#[test]
fn vectors_of_the_specification_are_verified() {
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("../data/specification.json")).unwrap();
    assert_eq!(vectors.len(), 15);
    for vector in &vectors {
        let name = vector["name"].as_str().unwrap();
        if name == "packed-es512" {
            // Its challenge has 128 bytes.
            let object = bytes(&vector["registration"]["attestationObject"]);
            let error = AttestationObject::parse(&object).unwrap_err();
            assert_eq!(RegistrationError::from(error), unsupported());
            continue;
        }
        let registered = register(&vector["registration"]);
        let expected = match name {
            "none-es256-crossOrigin" | "none-es256-topOrigin" => {
                Err(ClientDataError::CrossOrigin.into())
            }
            "packed-es384" | "packed-ed448" => Err(unsupported()),
            "packed-rs256" => Ok(Algorithm::Rs256),
            "packed-eddsa" => Ok(Algorithm::EdDsa),
            _ => Ok(Algorithm::Es256),
        };
        let algorithm =
            |registration: &Registration| registration.credential.public_key.algorithm();
        assert_eq!(
            registered.as_ref().map(algorithm).map_err(|error| *error),
            expected,
            "{name}"
        );
        if let Ok(registration) = registered {
            let aaguid = bytes(&vector["registration"]["aaguid"]);
            assert_eq!(
                registration.credential.aaguid.0.as_slice(),
                aaguid,
                "{name}"
            );
            authenticate(&registration, &vector["authentication"]);
        }
    }
}

fn unsupported() -> RegistrationError {
    let error = InvalidAuthenticatorData::from(InvalidPublicKey::UnsupportedAlgorithm);
    InvalidAttestationObject::from(error).into()
}
