use holdfast_webauthn::{Algorithm, AuthenticationResponse, InvalidResponse, RegistrationResponse};
use serde_json::{Value, json};

use crate::{
    authenticator::{Authenticator, encode},
    handle,
};

#[test]
fn response_that_is_not_one_of_a_registration_is_refused() {
    let mut created = Authenticator::new(Algorithm::Es256).create();
    let mut parse = |extra: Value| {
        created.extra = extra;
        RegistrationResponse::from_json(&created.json()).unwrap_err()
    };
    let part = |name: &str, value: Value| json!({"response": {name: value}});
    let object = "attestationObject";
    for (extra, expected) in [
        (json!({"type": "password"}), InvalidResponse::Type),
        (json!({"id": encode([1; 32])}), InvalidResponse::IdMismatch),
        (
            json!({"id": "AAAA", "rawId": "AAAA"}),
            InvalidResponse::Length("rawId"),
        ),
        (
            json!({"id": "*", "rawId": "*"}),
            InvalidResponse::Base64Url("rawId"),
        ),
        (json!({"response": []}), InvalidResponse::Json),
        (part(object, json!(1)), InvalidResponse::Json),
        (part(object, json!("")), InvalidResponse::Length(object)),
        (
            part(object, json!("AA==")),
            InvalidResponse::Base64Url(object),
        ),
        (
            part(object, json!("AB")),
            InvalidResponse::Base64Url(object),
        ),
        (
            part(object, json!("A+/A")),
            InvalidResponse::Base64Url(object),
        ),
        (
            part(object, json!(encode(vec![0; 16 * 1024 + 1]))),
            InvalidResponse::Length(object),
        ),
        (
            part("clientDataJSON", json!(encode([0; 4097]))),
            InvalidResponse::Length("clientDataJSON"),
        ),
        (part("transports", json!("usb")), InvalidResponse::Json),
        (
            json!({"long": "a".repeat(64 * 1024)}),
            InvalidResponse::TooLong,
        ),
    ] {
        let text = extra.to_string();
        assert_eq!(parse(extra), expected, "{}", &text[..text.len().min(80)]);
    }
    for text in ["", "{}", "null", "[]", r#"{"id":"a","id":"a"}"#] {
        let error = RegistrationResponse::from_json(text).unwrap_err();
        assert_eq!(error, InvalidResponse::Json, "{text}");
    }
}

#[test]
fn response_that_is_not_one_of_an_authentication_is_refused() {
    let authenticator = Authenticator::new(Algorithm::Es256);
    let mut asserted = authenticator.assert();
    assert_eq!(asserted.response().user_handle(), Some(&handle()));
    assert_eq!(asserted.response().credential_id().as_bytes(), [9; 32]);
    for (name, value, expected) in [
        (
            "userHandle",
            json!(""),
            InvalidResponse::Length("userHandle"),
        ),
        (
            "userHandle",
            json!(encode([0; 65])),
            InvalidResponse::Length("userHandle"),
        ),
        (
            "userHandle",
            json!("AA="),
            InvalidResponse::Base64Url("userHandle"),
        ),
        ("userHandle", json!(7), InvalidResponse::Json),
        ("signature", json!(""), InvalidResponse::Length("signature")),
        (
            "signature",
            json!(encode([0; 1025])),
            InvalidResponse::Length("signature"),
        ),
        (
            "authenticatorData",
            json!(encode([0; 2049])),
            InvalidResponse::Length("authenticatorData"),
        ),
    ] {
        asserted.extra = json!({"response": {name: value}});
        let error = AuthenticationResponse::from_json(&asserted.json()).unwrap_err();
        assert_eq!(error, expected, "{name}");
    }
    let registration = Authenticator::new(Algorithm::Es256).create().json();
    let error = AuthenticationResponse::from_json(&registration).unwrap_err();
    assert_eq!(error, InvalidResponse::Json);
}
