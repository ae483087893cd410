use holdfast_webauthn::{
    Aaguid, Algorithm, AuthenticatorDataError, Challenge, ClientDataError,
    InvalidAttestationObject, InvalidAuthenticatorData, InvalidCbor, InvalidClientData,
    InvalidPublicKey, Registration, RegistrationError, RegistrationPolicy, UserVerification,
};
use serde_json::{Value, json};

use crate::{
    RELATED,
    authenticator::{AT, Authenticator, BE, BS, Created, ED, Key, UP, UV, attested, encode, text},
    challenge, policy, relying_party,
};

fn verify(created: &Created) -> Result<Registration, RegistrationError> {
    relying_party().verify_registration(&challenge(), &policy(), created.response())
}

/// Verifies a response after a change.
fn changed(change: impl FnOnce(&mut Created)) -> RegistrationError {
    let mut created = Authenticator::new(Algorithm::Es256).create();
    change(&mut created);
    verify(&created).unwrap_err()
}

#[test]
fn credential_of_each_algorithm_is_registered() {
    for algorithm in Algorithm::ALL {
        let authenticator = Authenticator::new(algorithm);
        let created = authenticator.create();
        let registration = verify(&created).unwrap();
        let credential = registration.credential;
        assert_eq!(registration.discoverable, Some(true));
        assert_eq!(registration.attestation_format, "none");
        assert_eq!(credential.id.as_bytes(), authenticator.id);
        assert_eq!(credential.public_key.algorithm(), algorithm);
        assert_eq!(credential.public_key.as_cose(), authenticator.key.cose());
        assert_eq!(credential.sign_count, 0);
        assert!(credential.user_verified && credential.backup_eligible && credential.backed_up);
        let transports: Vec<_> = credential.transports.iter().collect();
        assert_eq!(transports, ["hybrid", "internal"]);
        assert_eq!(credential.aaguid, Aaguid([0xaa; 16]));
        assert_eq!(
            credential.aaguid.to_string(),
            "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
        );
        assert_eq!(credential.attestation_object, created.attestation_object());
    }
}

#[test]
fn flags_are_reported_as_they_are() {
    let mut created = Authenticator::new(Algorithm::Es256).create();
    for (flags, verified, eligible, backed_up) in [
        (UP | AT, false, false, false),
        (UP | AT | BE, false, true, false),
        (UP | AT | UV | BE | BS, true, true, true),
        // Reserved bits.
        (UP | AT | 0x22, false, false, false),
    ] {
        created.data.flags = flags;
        let preferred = RegistrationPolicy {
            user_verification: UserVerification::Preferred,
            ..policy()
        };
        let registration =
            relying_party().verify_registration(&challenge(), &preferred, created.response());
        let credential = registration.unwrap().credential;
        assert_eq!(credential.user_verified, verified);
        assert_eq!(credential.backup_eligible, eligible);
        assert_eq!(credential.backed_up, backed_up);
    }
}

#[test]
fn page_of_a_related_origin_may_register() {
    let mut created = Authenticator::new(Algorithm::Es256).create();
    created.client_data["origin"] = RELATED.into();
    assert!(verify(&created).is_ok());
}

#[test]
fn unknown_members_and_byte_order_mark_are_tolerated() {
    let mut created = Authenticator::new(Algorithm::EdDsa).create();
    created.client_data["tokenBinding"] = json!({"status": "supported"});
    created.extra = json!({
        "future": 1,
        "response": {"future": [], "publicKeyAlgorithm": -7},
        "clientExtensionResults": {"appid": true},
    });
    assert!(verify(&created).is_ok());
    let client_data = format!("\u{feff}{}", created.client_data);
    created.extra = json!({"response": {"clientDataJSON": encode(client_data)}});
    assert!(verify(&created).is_ok());
}

#[test]
fn client_data_of_another_ceremony_are_refused() {
    use ClientDataError::{CrossOrigin, Invalid, Origin, Type};
    let cases: [(&str, Value, ClientDataError); 15] = [
        ("type", json!("webauthn.get"), Type),
        ("type", json!("webauthn.Create"), Type),
        ("type", json!(""), Type),
        ("type", json!(1), Invalid(InvalidClientData)),
        (
            "challenge",
            json!(encode([8; 32])),
            ClientDataError::Challenge,
        ),
        (
            "challenge",
            json!(encode([7; 31])),
            ClientDataError::Challenge,
        ),
        (
            "challenge",
            json!(format!("{}=", encode([7; 32]))),
            ClientDataError::Challenge,
        ),
        ("challenge", json!(""), ClientDataError::Challenge),
        ("origin", json!("https://example.org"), Origin),
        ("origin", json!("https://login.example.org:8443"), Origin),
        ("origin", json!("https://login.example.org/"), Origin),
        ("origin", json!("http://login.example.org"), Origin),
        ("crossOrigin", json!(true), CrossOrigin),
        ("crossOrigin", json!("false"), Invalid(InvalidClientData)),
        ("topOrigin", json!("https://login.example.org"), CrossOrigin),
    ];
    for (name, value, expected) in cases {
        let error = changed(|created| created.client_data[name] = value.clone());
        assert_eq!(error, expected.into(), "{name}: {value}");
    }
}

#[test]
fn challenge_of_another_attempt_is_refused() {
    let created = Authenticator::new(Algorithm::Es256).create();
    let other = Challenge::new([6; 32]);
    let result = relying_party().verify_registration(&other, &policy(), created.response());
    assert_eq!(result.unwrap_err(), ClientDataError::Challenge.into());
}

#[test]
fn client_data_that_are_not_one_json_object_are_refused() {
    let valid = Authenticator::new(Algorithm::Es256)
        .create()
        .client_data
        .to_string();
    let twice = valid.replacen('{', r#"{"type":"webauthn.create","#, 1);
    let null = valid.replacen('{', r#"{"topOrigin":null,"#, 1);
    let trailing = format!("{valid} 1");
    let cut = valid[..valid.len() - 1].to_owned();
    let invalid_utf8 = [valid.as_bytes(), b"\xff"].concat();
    for text in [
        twice.as_bytes(),
        trailing.as_bytes(),
        cut.as_bytes(),
        &invalid_utf8,
        b"[]",
        b"null",
    ] {
        let error = changed(|created| {
            created.extra = json!({"response": {"clientDataJSON": encode(text)}});
        });
        let expected = ClientDataError::Invalid(InvalidClientData);
        assert_eq!(error, expected.into(), "{}", text.escape_ascii());
    }
    let error = changed(|created| {
        created.extra = json!({"response": {"clientDataJSON": encode(null)}});
    });
    assert_eq!(error, ClientDataError::CrossOrigin.into());
}

#[test]
fn authenticator_data_that_do_not_meet_the_requirements_are_refused() {
    use AuthenticatorDataError::{
        BackedUpWithoutEligibility, RpIdHash, UserNotPresent, UserNotVerified,
    };
    let error = changed(|created| created.data.rp_id = "login.example.org".to_owned());
    assert_eq!(error, RpIdHash.into());
    for (flags, expected) in [
        (UV | AT, UserNotPresent),
        (UP | AT, UserNotVerified),
        (UP | UV | BS | AT, BackedUpWithoutEligibility),
    ] {
        let error = changed(|created| created.data.flags = flags);
        assert_eq!(error, expected.into(), "{flags:02x}");
    }
}

#[test]
fn authenticator_data_without_exactly_one_credential_are_refused() {
    use InvalidAuthenticatorData::{
        CredentialIdLength, Extensions, PublicKey, TrailingBytes, Truncated,
    };
    let error = changed(|created| {
        created.data.flags = UP | UV;
        created.data.rest.clear();
    });
    assert_eq!(error, RegistrationError::NoCredential);
    let cose = Key::generate(Algorithm::Es256).cose();
    let cases = [
        (UP | UV, attested(&[9; 32], &cose), TrailingBytes),
        (UP | UV | AT, Vec::new(), Truncated),
        (
            UP | UV | AT,
            attested(&[9; 32], &cose)[..40].to_vec(),
            Truncated,
        ),
        (UP | UV | AT, attested(&[9; 15], &cose), CredentialIdLength),
        (
            UP | UV | AT,
            attested(&[9; 1024], &cose),
            CredentialIdLength,
        ),
        (
            UP | UV | AT,
            attested(&[9; 32], &[]),
            PublicKey(InvalidCbor::Malformed.into()),
        ),
        (
            UP | UV | AT,
            [attested(&[9; 32], &cose), vec![0]].concat(),
            TrailingBytes,
        ),
        (UP | UV | AT | ED, attested(&[9; 32], &cose), Extensions),
        (
            UP | UV | AT | ED,
            [attested(&[9; 32], &cose), vec![0x80]].concat(),
            Extensions,
        ),
        (
            UP | UV | AT | ED,
            [attested(&[9; 32], &cose), vec![0xa0, 0]].concat(),
            TrailingBytes,
        ),
        (
            UP | UV | AT,
            attested(&[9; 32], &[&[0xa5, 1, 2, 3, 0x38, 34], &cose[5..]].concat()),
            PublicKey(InvalidPublicKey::UnsupportedAlgorithm),
        ),
    ];
    for (flags, rest, expected) in cases {
        let error = changed(|created| {
            created.data.flags = flags;
            created.data.rest.clone_from(&rest);
        });
        let expected = InvalidAttestationObject::from(expected);
        assert_eq!(error, expected.into(), "{rest:02x?}");
    }
}

#[test]
fn extension_outputs_are_tolerated() {
    let mut created = Authenticator::new(Algorithm::Es256).create();
    created.data.flags |= ED;
    // {"credProtect": 2, "hmac-secret": true}
    let outputs = [
        vec![0xa2],
        text("credProtect"),
        vec![2],
        text("hmac-secret"),
        vec![0xf5],
    ];
    created.data.rest.extend(outputs.concat());
    assert!(verify(&created).is_ok());
}

#[test]
fn credential_id_of_maximum_length_is_accepted() {
    let mut created = Authenticator::new(Algorithm::Es256).create();
    created.id = vec![9; 1023];
    created.data.rest = attested(&[9; 1023], &Key::generate(Algorithm::Es256).cose());
    assert_eq!(
        verify(&created).unwrap().credential.id.as_bytes().len(),
        1023
    );
}

#[test]
fn credential_id_of_another_credential_is_refused() {
    let error = changed(|created| created.id = vec![8; 32]);
    assert_eq!(error, RegistrationError::CredentialIdMismatch);
}

#[test]
fn algorithm_that_was_not_offered_is_refused() {
    let created = Authenticator::new(Algorithm::Rs256).create();
    let policy = RegistrationPolicy {
        algorithms: vec![Algorithm::EdDsa, Algorithm::Es256],
        ..policy()
    };
    let result = relying_party().verify_registration(&challenge(), &policy, created.response());
    assert_eq!(result.unwrap_err(), RegistrationError::AlgorithmNotOffered);
}

#[test]
fn statement_of_another_format_is_not_evaluated() {
    for statement in [vec![0xa1, 0x63, b's', b'i', b'g', 0x41, 0], vec![0x80]] {
        let mut created = Authenticator::new(Algorithm::Es256).create();
        created.format = "packed";
        created.statement.clone_from(&statement);
        assert_eq!(verify(&created).unwrap().attestation_format, "packed");
        let error = changed(|created| created.statement = statement);
        let expected = InvalidAttestationObject::StatementOfNone;
        assert_eq!(error, expected.into());
    }
}

#[test]
fn attestation_object_that_is_not_the_expected_map_is_refused() {
    use InvalidAttestationObject::{Cbor, Members};
    let valid = Authenticator::new(Algorithm::Es256)
        .create()
        .attestation_object();
    let trailing = [valid.as_slice(), &[0]].concat();
    let cut = valid[..valid.len() - 1].to_vec();
    let renamed = [&[0xa3, 0x63, b'f', b'm', b'x'], &valid[5..]].concat();
    let indefinite = [&[0xbf], &valid[1..], &[0xff]].concat();
    let twice = [&[0xa4], &valid[1..], &text("fmt"), text("none").as_slice()].concat();
    let cases = [
        (trailing, Cbor(InvalidCbor::TrailingBytes)),
        (cut, Cbor(InvalidCbor::Malformed)),
        (renamed, Members),
        (indefinite, Cbor(InvalidCbor::NotCanonical)),
        (twice, Cbor(InvalidCbor::DuplicateKey)),
        (vec![0xa0], Members),
        (vec![0x80], Members),
        (vec![0], Members),
    ];
    for (object, expected) in cases {
        let error = changed(|created| {
            created.extra = json!({"response": {"attestationObject": encode(&object)}});
        });
        assert_eq!(error, expected.into(), "{object:02x?}");
    }
}
