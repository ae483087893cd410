//! Ceremonies with `passkey`, a client with an authenticator of another project, whose cryptography is `RustCrypto`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use holdfast_webauthn::{
    Account, Algorithm, Authentication, AuthenticationCeremony, AuthenticationError,
    AuthenticationResponse, Challenge, CounterState, Credential, CredentialDescriptor,
    CredentialId, Registration, RegistrationPolicy, RegistrationResponse, RelyingParty,
    ResidentKey, StoredCredential, Transports, User, UserHandle, UserVerification,
};
use passkey::{
    authenticator::{Authenticator, UiHint, UserCheck, UserValidationMethod},
    client::{Client, DefaultClientData, WebauthnError},
    crypto::rust_crypto::RustCryptoBackend,
};
use passkey_types::{
    Passkey,
    ctap2::{Aaguid, Ctap2Error},
    webauthn::{CredentialCreationOptions, CredentialRequestOptions},
};
use public_suffix::PublicSuffixList;
use serde_json::{Value, json};
use url::Url;

const ORIGIN: &str = "https://login.example.org";
const AAGUID: [u8; 16] = [0x5a; 16];

/// A person who confirms, and whom the authenticator verifies if it can.
struct Person {
    is_verified: bool,
}

#[async_trait::async_trait]
impl UserValidationMethod for Person {
    type PasskeyItem = Passkey;

    async fn check_user<'a>(
        &self,
        _: UiHint<'a, Passkey>,
        presence: bool,
        verification: bool,
    ) -> Result<UserCheck, Ctap2Error> {
        Ok(UserCheck {
            presence,
            verification: verification && self.is_verified,
        })
    }

    fn is_presence_enabled(&self) -> bool {
        true
    }

    fn is_verification_enabled(&self) -> Option<bool> {
        self.is_verified.then_some(true)
    }
}

type Browser = Client<Option<Passkey>, Person, RustCryptoBackend, PublicSuffixList, ()>;

/// A browser with an authenticator that has room for one credential.
fn browser(is_verified: bool) -> Browser {
    let person = Person { is_verified };
    let aaguid = Aaguid::from(AAGUID);
    let mut authenticator = Authenticator::new(aaguid, None, person, RustCryptoBackend);
    authenticator.set_make_credentials_with_signature_counter(true);
    Client::new(authenticator).user_verification_when_preferred(is_verified)
}

fn relying_party() -> RelyingParty {
    RelyingParty::new(
        "example.org",
        "Example",
        ORIGIN.parse().unwrap(),
        Vec::new(),
    )
    .unwrap()
}

fn policy(algorithm: Algorithm, user_verification: UserVerification) -> RegistrationPolicy {
    RegistrationPolicy {
        algorithms: vec![algorithm],
        resident_key: ResidentKey::Required,
        user_verification,
    }
}

fn handle() -> UserHandle {
    UserHandle::try_from([1; 16].as_slice()).unwrap()
}

fn public_key(options: &str) -> Value {
    json!({"publicKey": serde_json::from_str::<Value>(options).unwrap()})
}

async fn register(browser: &mut Browser, policy: &RegistrationPolicy) -> Registration {
    let user = User {
        id: handle(),
        name: "ada".to_owned(),
        display_name: "Ada".to_owned(),
    };
    let challenge = Challenge::new([3; 32]);
    let options = relying_party().creation_options(challenge.clone(), user, policy);
    let options: CredentialCreationOptions =
        serde_json::from_value(public_key(&options.to_json())).unwrap();
    let origin = Url::parse(ORIGIN).unwrap();
    let created = browser.register(&origin, options, DefaultClientData).await;
    let response = serde_json::to_string(&created.unwrap()).unwrap();
    let response = RegistrationResponse::from_json(&response).unwrap();
    relying_party()
        .verify_registration(&challenge, policy, response)
        .unwrap()
}

async fn respond(
    browser: &mut Browser,
    challenge: &Challenge,
    allow: &[CredentialId],
) -> Result<AuthenticationResponse, WebauthnError> {
    let descriptor =
        |id: &CredentialId| CredentialDescriptor::new(id.clone(), Transports::default());
    let options = relying_party().request_options(
        challenge.clone(),
        allow.iter().map(descriptor).collect(),
        UserVerification::Preferred,
    );
    let options: CredentialRequestOptions =
        serde_json::from_value(public_key(&options.to_json())).unwrap();
    let origin = Url::parse(ORIGIN).unwrap();
    let asserted = browser
        .authenticate(&origin, options, DefaultClientData)
        .await?;
    let response = serde_json::to_string(&asserted).unwrap();
    Ok(AuthenticationResponse::from_json(&response).unwrap())
}

fn verify(
    credential: &Credential,
    challenge: &Challenge,
    response: &AuthenticationResponse,
) -> Result<Authentication, AuthenticationError> {
    let ceremony = AuthenticationCeremony {
        challenge,
        user_verification: UserVerification::Preferred,
        allowed: &[],
    };
    let stored = StoredCredential::from(credential);
    relying_party().verify_authentication(
        &ceremony,
        Account::Discovered(&handle()),
        stored,
        response,
    )
}

#[tokio::test]
async fn credentials_are_registered_and_authenticate() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let mut browser = browser(true);
        let policy = policy(algorithm, UserVerification::Required);
        let registration = register(&mut browser, &policy).await;
        let mut credential = registration.credential;
        assert_eq!(credential.public_key.algorithm(), algorithm);
        assert_eq!(credential.aaguid.0, AAGUID);
        assert!(credential.user_verified);
        for (number, allow) in [vec![], vec![credential.id.clone()]].iter().enumerate() {
            let challenge = Challenge::new([u8::try_from(number).unwrap(); 32]);
            let response = respond(&mut browser, &challenge, allow).await.unwrap();
            assert_eq!(response.user_handle(), Some(&handle()));
            let outcome = verify(&credential, &challenge, &response).unwrap();
            assert_eq!(outcome.counter, CounterState::Increased);
            assert!(outcome.user_verified && !outcome.backup_state_changed);
            credential.sign_count = outcome.sign_count;
            // The same response again.
            let again = verify(&credential, &challenge, &response).unwrap();
            assert_eq!(again.counter, CounterState::NotIncreased);
            let next = Challenge::new([9; 32]);
            assert!(verify(&credential, &next, &response).is_err());
        }
    }
}

#[tokio::test]
async fn response_without_user_verification_is_reported_as_such() {
    let mut browser = browser(false);
    let policy = policy(Algorithm::Es256, UserVerification::Preferred);
    let registration = register(&mut browser, &policy).await;
    assert!(!registration.credential.user_verified);
    let challenge = Challenge::new([4; 32]);
    let response = respond(&mut browser, &challenge, &[]).await.unwrap();
    let outcome = verify(&registration.credential, &challenge, &response);
    assert!(!outcome.unwrap().user_verified);
}

#[tokio::test]
async fn credential_of_another_authenticator_is_refused() {
    let policy = policy(Algorithm::Es256, UserVerification::Required);
    let mut first = browser(true);
    let mut second = browser(true);
    let own = register(&mut first, &policy).await.credential;
    let other = register(&mut second, &policy).await.credential;
    let challenge = Challenge::new([5; 32]);
    let response = respond(&mut second, &challenge, &[]).await.unwrap();
    let error = verify(&own, &challenge, &response).unwrap_err();
    assert_eq!(error, AuthenticationError::OtherCredential);
    let mixed = Credential {
        id: other.id.clone(),
        ..own
    };
    let error = verify(&mixed, &challenge, &response).unwrap_err();
    assert_eq!(error, AuthenticationError::Signature);
    assert!(respond(&mut first, &challenge, &[other.id]).await.is_err());
}
