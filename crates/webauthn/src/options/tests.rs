use serde_json::{Value, json};

use super::*;

fn relying_party() -> RelyingParty {
    let origin = "https://login.example.org".parse().unwrap();
    RelyingParty::new("example.org", "Example", origin, Vec::new()).unwrap()
}

fn descriptor() -> CredentialDescriptor {
    let id = CredentialId::try_from([0xff; 16].as_slice()).unwrap();
    CredentialDescriptor::new(id, ["usb", "nfc"].into_iter().collect())
}

#[test]
fn creation_options_have_the_form_that_browsers_parse() {
    let user = User {
        id: UserHandle::try_from([1; 16].as_slice()).unwrap(),
        name: "ada".to_owned(),
        display_name: String::new(),
    };
    let policy = RegistrationPolicy {
        algorithms: Algorithm::ALL.to_vec(),
        resident_key: ResidentKey::Required,
        user_verification: UserVerification::Required,
    };
    let mut options = relying_party().creation_options(Challenge::new([0; 32]), user, &policy);
    options.exclude_credentials.push(descriptor());
    options.timeout = Some(300_000);
    options.hints.push(Hint::ClientDevice);
    let json: Value = serde_json::from_str(&options.to_json()).unwrap();
    let expected = json!({
        "rp": {"id": "example.org", "name": "Example"},
        "user": {"id": "AQEBAQEBAQEBAQEBAQEBAQ", "name": "ada", "displayName": ""},
        "challenge": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "pubKeyCredParams": [
            {"type": "public-key", "alg": -8},
            {"type": "public-key", "alg": -7},
            {"type": "public-key", "alg": -257},
        ],
        "timeout": 300_000,
        "excludeCredentials": [
            {"type": "public-key", "id": "_____________________w", "transports": ["nfc", "usb"]},
        ],
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": true,
            "userVerification": "required",
        },
        "hints": ["client-device"],
        "attestation": "none",
        "extensions": {"credProps": true},
    });
    assert_eq!(json, expected);
}

#[test]
fn request_options_have_the_form_that_browsers_parse() {
    let options = relying_party().request_options(
        Challenge::new([0; 32]),
        vec![descriptor()],
        UserVerification::Preferred,
    );
    let json: Value = serde_json::from_str(&options.to_json()).unwrap();
    let expected = json!({
        "challenge": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "rpId": "example.org",
        "allowCredentials": [
            {"type": "public-key", "id": "_____________________w", "transports": ["nfc", "usb"]},
        ],
        "userVerification": "preferred",
    });
    assert_eq!(json, expected);
}

#[test]
fn challenge_is_not_shown_by_debug() {
    assert_eq!(format!("{:?}", Challenge::new([0; 32])), "Challenge(…)");
}
