//! What a browser returns of a WebAuthn ceremony: parsers are total, and nothing is verified without the private key.
#![no_main]

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_webauthn::{
    Account, Algorithm, AttestationObject, AuthenticationCeremony, AuthenticationResponse,
    AuthenticatorData, Challenge, CollectedClientData, CredentialId, PublicKey, RegistrationPolicy,
    RegistrationResponse, RelyingParty, ResidentKey, StoredCredential, UserHandle,
    UserVerification,
};
use libfuzzer_sys::fuzz_target;

const CHALLENGE: Challenge = Challenge::new([7; 32]);

/// A `COSE_Key` with the public key of RFC 8037 appendix A.2.
const KEY: &[u8; 42] = b"\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20\
    \xd7\x5a\x98\x01\x82\xb1\x0a\xb7\xd5\x4b\xfe\xd3\xc9\x64\x07\x3a\
    \x0e\xe1\x72\xf3\xda\xa6\x23\x25\xaf\x02\x1a\x68\xf7\x07\x51\x1a";

static PARTY: LazyLock<RelyingParty> = LazyLock::new(|| {
    let origin = "https://example.org".parse().unwrap();
    RelyingParty::new("example.org", "Example", origin, Vec::new()).unwrap()
});

fn client_data(ceremony: &str) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(CHALLENGE.as_bytes());
    let json = format!(
        r#"{{"type":"{ceremony}","challenge":"{challenge}","origin":"https://example.org"}}"#
    );
    URL_SAFE_NO_PAD.encode(json)
}

fn response(members: &[(&str, String)]) -> String {
    let members: Vec<_> = members
        .iter()
        .map(|(name, value)| format!(r#""{name}":"{value}""#))
        .collect();
    let id = URL_SAFE_NO_PAD.encode([9; 32]);
    let members = members.join(",");
    format!(r#"{{"id":"{id}","rawId":"{id}","type":"public-key","response":{{{members}}}}}"#)
}

/// Registers an arbitrary attestation object.
fn register(object: &[u8]) {
    let json = response(&[
        ("clientDataJSON", client_data("webauthn.create")),
        ("attestationObject", URL_SAFE_NO_PAD.encode(object)),
    ]);
    let Ok(response) = RegistrationResponse::from_json(&json) else {
        return;
    };
    let policy = RegistrationPolicy {
        algorithms: Algorithm::ALL.to_vec(),
        resident_key: ResidentKey::Preferred,
        user_verification: UserVerification::Preferred,
    };
    if let Ok(registration) = PARTY.verify_registration(&CHALLENGE, &policy, response) {
        let credential = registration.credential;
        assert_eq!(credential.id.as_bytes(), [9; 32]);
        assert_eq!(credential.attestation_object, object);
        let stored = PublicKey::from_cose(credential.public_key.as_cose()).unwrap();
        assert_eq!(stored, credential.public_key);
    }
}

/// Authenticates with arbitrary authenticator data, and the bytes after them as the signature.
fn authenticate(data: &[u8], signature: &[u8]) {
    let json = response(&[
        ("clientDataJSON", client_data("webauthn.get")),
        ("authenticatorData", URL_SAFE_NO_PAD.encode(data)),
        ("signature", URL_SAFE_NO_PAD.encode(signature)),
    ]);
    let Ok(response) = AuthenticationResponse::from_json(&json) else {
        return;
    };
    let ceremony = AuthenticationCeremony {
        challenge: &CHALLENGE,
        user_verification: UserVerification::Preferred,
        allowed: &[],
    };
    let stored = StoredCredential {
        id: &CredentialId::try_from([9; 32].as_slice()).unwrap(),
        public_key: &PublicKey::from_cose(KEY).unwrap(),
        sign_count: 0,
        backup_eligible: false,
        backed_up: false,
    };
    let handle = UserHandle::try_from([1].as_slice()).unwrap();
    let verified =
        PARTY.verify_authentication(&ceremony, Account::Known(&handle), stored, &response);
    assert!(verified.is_err());
}

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    match kind {
        0 => {
            let _ = AttestationObject::parse(rest);
            register(rest);
        }
        1 => {
            let _ = AuthenticatorData::parse(rest);
            let (data, signature) = rest.split_at(rest.len().saturating_sub(64));
            authenticate(data, signature);
        }
        2 => {
            if let Ok(key) = PublicKey::from_cose(rest) {
                assert_eq!(key.as_cose(), rest);
            }
        }
        3 => {
            let _ = CollectedClientData::parse(rest);
        }
        _ => {
            if let Ok(text) = str::from_utf8(rest) {
                let _ = RegistrationResponse::from_json(text);
                let _ = AuthenticationResponse::from_json(text);
            }
        }
    }
});
