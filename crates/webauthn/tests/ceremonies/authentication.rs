use holdfast_webauthn::{
    Account, Algorithm, Authentication, AuthenticationCeremony, AuthenticationError,
    AuthenticatorDataError, ClientDataError, CounterState, Credential, CredentialId,
    InvalidAuthenticatorData, StoredCredential, UserHandle, UserVerification,
};
use serde_json::json;

use crate::{
    RELATED,
    authenticator::{AT, Asserted, Authenticator, BE, BS, ED, UP, UV, attested, encode, text},
    challenge, handle, policy, relying_party,
};

fn register(authenticator: &Authenticator) -> Credential {
    let response = authenticator.create().response();
    let registration = relying_party().verify_registration(&challenge(), &policy(), response);
    registration.unwrap().credential
}

fn verify_of(
    credential: &Credential,
    asserted: &Asserted,
) -> Result<Authentication, AuthenticationError> {
    let ceremony = AuthenticationCeremony {
        challenge: &challenge(),
        user_verification: UserVerification::Required,
        allowed: &[],
    };
    relying_party().verify_authentication(
        &ceremony,
        Account::Discovered(&handle()),
        StoredCredential::from(credential),
        &asserted.response(),
    )
}

/// Verifies a response after a change.
fn changed(change: impl FnOnce(&mut Asserted)) -> AuthenticationError {
    let authenticator = Authenticator::new(Algorithm::Es256);
    let credential = register(&authenticator);
    let mut asserted = authenticator.assert();
    change(&mut asserted);
    verify_of(&credential, &asserted).unwrap_err()
}

#[test]
fn credential_of_each_algorithm_authenticates() {
    for algorithm in Algorithm::ALL {
        let authenticator = Authenticator::new(algorithm);
        let credential = register(&authenticator);
        let mut asserted = authenticator.assert();
        let expected = Authentication {
            user_verified: true,
            sign_count: 0,
            counter: CounterState::Unused,
            backed_up: true,
            backup_state_changed: false,
        };
        assert_eq!(verify_of(&credential, &asserted), Ok(expected));
        asserted.client_data["origin"] = RELATED.into();
        assert_eq!(verify_of(&credential, &asserted), Ok(expected));
    }
}

#[test]
fn counter_is_compared_with_the_stored_one() {
    let authenticator = Authenticator::new(Algorithm::EdDsa);
    let mut credential = register(&authenticator);
    let mut asserted = authenticator.assert();
    for (stored, received, expected) in [
        (0, 0, CounterState::Unused),
        (0, 1, CounterState::Increased),
        (5, 6, CounterState::Increased),
        (5, u32::MAX, CounterState::Increased),
        (5, 5, CounterState::NotIncreased),
        (5, 4, CounterState::NotIncreased),
        (5, 0, CounterState::NotIncreased),
        (u32::MAX, u32::MAX, CounterState::NotIncreased),
    ] {
        credential.sign_count = stored;
        asserted.data.sign_count = received;
        let authentication = verify_of(&credential, &asserted).unwrap();
        assert_eq!(authentication.counter, expected, "{stored} {received}");
        assert_eq!(authentication.sign_count, received);
    }
}

#[test]
fn change_of_backup_state_is_reported_and_of_eligibility_refused() {
    let authenticator = Authenticator::new(Algorithm::EdDsa);
    let mut credential = register(&authenticator);
    let mut asserted = authenticator.assert();
    for (eligible, stored, flags, expected) in [
        (true, true, BE | BS, Ok((true, false))),
        (true, true, BE, Ok((false, true))),
        (true, false, BE | BS, Ok((true, true))),
        (false, false, 0, Ok((false, false))),
        (
            true,
            true,
            0,
            Err(AuthenticationError::BackupEligibilityChanged),
        ),
        (
            false,
            false,
            BE,
            Err(AuthenticationError::BackupEligibilityChanged),
        ),
        (
            true,
            true,
            BS,
            Err(AuthenticatorDataError::BackedUpWithoutEligibility.into()),
        ),
    ] {
        credential.backup_eligible = eligible;
        credential.backed_up = stored;
        asserted.data.flags = UP | UV | flags;
        let outcome = verify_of(&credential, &asserted);
        let outcome = outcome.map(|outcome| (outcome.backed_up, outcome.backup_state_changed));
        assert_eq!(outcome, expected, "{eligible} {stored} {flags:02x}");
    }
}

#[test]
fn user_verification_is_required_only_where_it_was_asked_for() {
    let authenticator = Authenticator::new(Algorithm::EdDsa);
    let credential = register(&authenticator);
    let mut asserted = authenticator.assert();
    asserted.data.flags &= !UV;
    for (user_verification, expected) in [
        (
            UserVerification::Required,
            Err(AuthenticatorDataError::UserNotVerified.into()),
        ),
        (UserVerification::Preferred, Ok(false)),
        (UserVerification::Discouraged, Ok(false)),
    ] {
        let ceremony = AuthenticationCeremony {
            challenge: &challenge(),
            user_verification,
            allowed: &[],
        };
        let outcome = relying_party().verify_authentication(
            &ceremony,
            Account::Known(&handle()),
            StoredCredential::from(&credential),
            &asserted.response(),
        );
        assert_eq!(outcome.map(|outcome| outcome.user_verified), expected);
    }
}

#[test]
fn client_data_of_another_ceremony_are_refused() {
    use ClientDataError::{CrossOrigin, Origin, Type};
    for (name, value, expected) in [
        ("type", json!("webauthn.create"), Type),
        ("type", json!("payment.get"), Type),
        (
            "challenge",
            json!(encode([8; 32])),
            ClientDataError::Challenge,
        ),
        ("origin", json!("https://evil.example"), Origin),
        (
            "origin",
            json!("https://login.example.org.evil.example"),
            Origin,
        ),
        ("crossOrigin", json!(true), CrossOrigin),
        ("topOrigin", json!("https://evil.example"), CrossOrigin),
    ] {
        let error = changed(|asserted| asserted.client_data[name] = value.clone());
        assert_eq!(error, expected.into(), "{name}: {value}");
    }
}

#[test]
fn authenticator_data_that_do_not_meet_the_requirements_are_refused() {
    use AuthenticatorDataError::{RpIdHash, UserNotPresent, UserNotVerified};
    let error = changed(|asserted| asserted.data.rp_id = "evil.example".to_owned());
    assert_eq!(error, RpIdHash.into());
    for (flags, expected) in [
        (UV | BE | BS, UserNotPresent),
        (UP | BE | BS, UserNotVerified),
    ] {
        let error = changed(|asserted| asserted.data.flags = flags);
        assert_eq!(error, expected.into(), "{flags:02x}");
    }
    let trailing = changed(|asserted| asserted.data.rest = vec![0]);
    let expected = AuthenticatorDataError::from(InvalidAuthenticatorData::TrailingBytes);
    assert_eq!(trailing, expected.into());
}

#[test]
fn new_credential_in_an_authentication_is_refused() {
    let other = Authenticator::new(Algorithm::Es256);
    let error = changed(|asserted| {
        asserted.data.flags |= AT;
        asserted.data.rest = attested(&other.id, &other.key.cose());
    });
    assert_eq!(error, AuthenticationError::UnexpectedCredential);
}

#[test]
fn extension_outputs_are_tolerated() {
    let authenticator = Authenticator::new(Algorithm::Es256);
    let credential = register(&authenticator);
    let mut asserted = authenticator.assert();
    asserted.data.flags |= ED;
    asserted.data.rest = [&[0xa1], text("uvm").as_slice(), &[0x81, 0x83, 2, 4, 2]].concat();
    assert!(verify_of(&credential, &asserted).is_ok());
}

#[test]
fn signature_over_other_data_or_by_another_key_is_refused() {
    for algorithm in Algorithm::ALL {
        let authenticator = Authenticator::new(algorithm);
        let credential = register(&authenticator);
        let mut asserted = authenticator.assert();
        asserted.signed = Some(b"other".to_vec());
        let refused = Err(AuthenticationError::Signature);
        assert_eq!(verify_of(&credential, &asserted), refused);
        for other in Algorithm::ALL {
            let other = Authenticator::new(other);
            assert_eq!(verify_of(&credential, &other.assert()), refused);
            let mut mixed = credential.clone();
            mixed.public_key = register(&other).public_key;
            asserted.signed = None;
            assert_eq!(verify_of(&mixed, &asserted), refused);
        }
        for signature in [
            vec![0],
            vec![0; 64],
            vec![0; 256],
            vec![0x30, 6, 2, 1, 0, 2, 1, 0],
        ] {
            asserted.extra = json!({"response": {"signature": encode(signature)}});
            assert_eq!(verify_of(&credential, &asserted), refused);
        }
    }
}

#[test]
fn data_changed_after_the_signature_are_refused() {
    let authenticator = Authenticator::new(Algorithm::Es256);
    let mut credential = register(&authenticator);
    credential.sign_count = 1;
    let mut asserted = authenticator.assert();
    let mut higher = asserted.data.clone();
    higher.sign_count = 2;
    asserted.extra = json!({"response": {"authenticatorData": encode(higher.encode())}});
    let refused = Err(AuthenticationError::Signature);
    assert_eq!(verify_of(&credential, &asserted), refused);
    let client_data = asserted
        .client_data
        .to_string()
        .replace("template", "templat3");
    asserted.extra = json!({"response": {"clientDataJSON": encode(client_data)}});
    assert_eq!(verify_of(&credential, &asserted), refused);
}

#[test]
fn user_handle_is_that_of_the_account() {
    let authenticator = Authenticator::new(Algorithm::Es256);
    let credential = register(&authenticator);
    let own = handle();
    let other = UserHandle::try_from([2; 16].as_slice()).unwrap();
    let mut asserted = authenticator.assert();
    let mut verify = |received: Option<&UserHandle>, account| {
        asserted.user_handle = received.map(|handle| handle.as_bytes().to_vec());
        let ceremony = AuthenticationCeremony {
            challenge: &challenge(),
            user_verification: UserVerification::Required,
            allowed: &[],
        };
        let stored = StoredCredential::from(&credential);
        let response = asserted.response();
        let outcome = relying_party().verify_authentication(&ceremony, account, stored, &response);
        outcome.map(|_| ())
    };
    assert_eq!(verify(Some(&own), Account::Known(&own)), Ok(()));
    assert_eq!(verify(Some(&own), Account::Discovered(&own)), Ok(()));
    assert_eq!(verify(None, Account::Known(&own)), Ok(()));
    let missing = verify(None, Account::Discovered(&own));
    assert_eq!(missing, Err(AuthenticationError::NoUserHandle));
    for account in [Account::Known(&own), Account::Discovered(&own)] {
        let error = verify(Some(&other), account);
        assert_eq!(error, Err(AuthenticationError::OtherAccount));
    }
}

#[test]
fn credential_is_one_of_those_that_were_allowed() {
    let authenticator = Authenticator::new(Algorithm::Es256);
    let credential = register(&authenticator);
    let other = CredentialId::try_from([8; 32].as_slice()).unwrap();
    let verify = |allowed: &[CredentialId], id: &CredentialId| {
        let ceremony = AuthenticationCeremony {
            challenge: &challenge(),
            user_verification: UserVerification::Required,
            allowed,
        };
        let stored = StoredCredential {
            id,
            ..StoredCredential::from(&credential)
        };
        let response = authenticator.assert().response();
        let account = Account::Known(&handle());
        let outcome = relying_party().verify_authentication(&ceremony, account, stored, &response);
        outcome.map(|_| ())
    };
    let own = credential.id.clone();
    assert_eq!(verify(&[], &own), Ok(()));
    assert_eq!(verify(&[other.clone(), own.clone()], &own), Ok(()));
    let not_allowed = verify(std::slice::from_ref(&other), &own);
    assert_eq!(not_allowed, Err(AuthenticationError::NotAllowed));
    assert_eq!(
        verify(&[own], &other),
        Err(AuthenticationError::OtherCredential)
    );
}
