//! Parsers and verification with arbitrary and with mutated input: nothing panics, and nothing that was changed is accepted.

use holdfast_webauthn::{
    Account, Algorithm, AttestationObject, AuthenticationCeremony, AuthenticationResponse,
    AuthenticatorData, CollectedClientData, PublicKey, RegistrationResponse, StoredCredential,
    UserVerification,
};
use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::json;

use crate::{
    authenticator::{Authenticator, encode},
    challenge, handle, policy, relying_party,
};

/// Replaces, inserts or removes one byte.
fn mutate(bytes: &mut Vec<u8>, index: Index, byte: u8, kind: u8) {
    let index = index.index(bytes.len());
    match kind {
        0 => bytes[index] = byte,
        1 => bytes.insert(index, byte),
        _ => drop(bytes.remove(index)),
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in vec(any::<u8>(), 0..300)) {
        let _ = AttestationObject::parse(&bytes);
        let _ = AuthenticatorData::parse(&bytes);
        let _ = PublicKey::from_cose(&bytes);
        let _ = CollectedClientData::parse(&bytes);
        if let Ok(text) = str::from_utf8(&bytes) {
            let _ = RegistrationResponse::from_json(text);
            let _ = AuthenticationResponse::from_json(text);
        }
    }

    #[test]
    fn mutated_attestation_object_keeps_its_credential_or_is_refused(
        index: Index, byte: u8, kind in 0..3_u8,
    ) {
        let mut created = Authenticator::new(Algorithm::EdDsa).create();
        let mut object = created.attestation_object();
        mutate(&mut object, index, byte, kind);
        created.extra = json!({"response": {"attestationObject": encode(&object)}});
        let response = created.response();
        let verified = relying_party().verify_registration(&challenge(), &policy(), response);
        if let Ok(registration) = verified {
            prop_assert_eq!(registration.credential.id.as_bytes(), created.id);
            let key = registration.credential.public_key;
            prop_assert_eq!(PublicKey::from_cose(key.as_cose()).unwrap(), key);
        }
    }

    #[test]
    fn mutated_authenticator_data_are_refused(index: Index, byte: u8, kind in 0..3_u8) {
        let authenticator = Authenticator::new(Algorithm::EdDsa);
        let response = authenticator.create().response();
        let registration = relying_party().verify_registration(&challenge(), &policy(), response);
        let credential = registration.unwrap().credential;
        let mut asserted = authenticator.assert();
        let signed = asserted.data.encode();
        let mut data = signed.clone();
        mutate(&mut data, index, byte, kind);
        asserted.extra = json!({"response": {"authenticatorData": encode(&data)}});
        let ceremony = AuthenticationCeremony {
            challenge: &challenge(),
            user_verification: UserVerification::Required,
            allowed: &[],
        };
        let verified = relying_party().verify_authentication(
            &ceremony,
            Account::Discovered(&handle()),
            StoredCredential::from(&credential),
            &asserted.response(),
        );
        prop_assert_eq!(verified.is_ok(), data == signed);
    }
}
