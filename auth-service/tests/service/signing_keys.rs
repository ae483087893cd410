//! Signing keys: rotation, revocation, publication (`AuthService/GetJwks`), and their encryption at rest.

use std::sync::Arc;

use auth_proto::v1::{GetJwksRequest, RotateSigningKeyRequest};
use auth_service::app::{
    self, App,
    key_rotation::{KeyPolicy, SigningKeys},
};
use holdfast_core::clock::Clock as _;
use holdfast_crypto::seal::Sealer;
use holdfast_identity::{
    call_context::CallContext,
    key::{Algorithm, KeyAlgorithms},
    revocation::{Revocation, Revoked},
};
use secrecy::SecretBox;
use tonic::Code;

use crate::support::{
    ManualClock, TestService, assert_refused, bearer, config, database, minutes, until,
};

const OPERATOR: CallContext = CallContext::operator();

#[tokio::test]
async fn published_key_verifies_tokens() {
    for (algorithm, kty, crv) in [
        (Algorithm::EdDsa, "OKP", "Ed25519"),
        (Algorithm::Es256, "EC", "P-256"),
    ] {
        let service = TestService::start_with(|config| config.signing_algorithm = algorithm).await;
        service.add_user("ada", false).await;
        let token = service.tokens("ada", "").await.access_token;

        let keys = service
            .auth()
            .get_jwks(GetJwksRequest {})
            .await
            .unwrap()
            .into_inner()
            .keys;

        let header = jsonwebtoken::decode_header(&token).unwrap();
        assert_eq!(header.kid.as_ref(), Some(&keys[0].kid));
        assert_eq!((keys[0].kty.as_str(), keys[0].crv.as_str()), (kty, crv));
        assert_eq!(
            (keys[0].alg.as_str(), keys[0].r#use.as_str()),
            (algorithm.as_str(), "sig")
        );
        let key = match algorithm {
            Algorithm::EdDsa => jsonwebtoken::DecodingKey::from_ed_components(&keys[0].x),
            Algorithm::Es256 => {
                jsonwebtoken::DecodingKey::from_ec_components(&keys[0].x, &keys[0].y)
            }
            Algorithm::Rs256 => panic!("it signs no access token"),
        };
        let (message, signature) = token.rsplit_once('.').unwrap();
        let verified =
            jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key.unwrap(), header.alg);
        assert!(verified.unwrap());
    }
}

#[tokio::test]
async fn rotation_by_administrator_publishes_key() {
    let service = TestService::start().await;
    let admin = service.admin_token().await;
    let request = || bearer(RotateSigningKeyRequest {}, &admin);
    let kid = service.admin().rotate_signing_key(request()).await;
    let kid = kid.unwrap().into_inner().kid;
    until("the key to be published", async || {
        let published = service.auth().get_jwks(GetJwksRequest {}).await.unwrap();
        let mut keys = published.into_inner().keys.into_iter();
        keys.any(|key| key.kid == kid).then_some(())
    })
    .await;
    let again = service.admin().rotate_signing_key(request()).await;
    assert_refused(again, Code::FailedPrecondition, "KEY_PENDING");

    let token = service.tokens("root", "account").await.access_token;
    let request = bearer(RotateSigningKeyRequest {}, &token);
    let refused = service.admin().rotate_signing_key(request).await;
    assert_refused(refused, Code::PermissionDenied, "INSUFFICIENT_SCOPE");
}

/// A promoted database server can lack the revocation of a key, which an instance has in memory.
#[tokio::test]
async fn revoked_key_that_the_database_has_as_live_is_not_used() {
    let service = TestService::with_user("ada").await;
    let token = service.tokens("ada", "").await.access_token;
    let store = app::open_store(&database(service.directory.path()))
        .await
        .unwrap();
    let kid = jsonwebtoken::decode_header(&token).unwrap().kid.unwrap();
    let revocation = Revocation {
        sequence: 1000,
        revoked: Revoked::Key(kid.clone()),
        expires_at: service.clock.now() + minutes(60),
    };
    store.append_again(&[revocation]).await.unwrap();
    until("the key to be removed", async || {
        service.try_validate(&token).await.err().map(drop)
    })
    .await;
    let stored = store.signing_keys().await.unwrap();
    assert!(stored.iter().any(|key| key.kid == kid));
    let token = service.tokens("ada", "").await.access_token;
    service.try_validate(&token).await.unwrap();
    let jwks = service.auth().get_jwks(GetJwksRequest {}).await.unwrap();
    let keys = jwks.into_inner().keys;
    assert!(keys.iter().all(|key| key.kid != kid));
}

#[tokio::test]
async fn wrong_encryption_key_creates_no_signing_key() {
    let service = TestService::start().await;
    service
        .stop_and(async |directory| {
            let store = app::open_store(&database(directory)).await.unwrap();
            for key in store.signing_keys().await.unwrap() {
                store.remove_signing_key(&key.kid).await.unwrap();
            }
            let policy = KeyPolicy {
                algorithms: KeyAlgorithms::new(Algorithm::EdDsa, &[Algorithm::Rs256]),
                max_age: minutes(60),
                access_ttl: minutes(15),
            };
            let wrong = Sealer::new(&SecretBox::new(Box::new([2; 32])));
            let keys = SigningKeys::new(
                (store.clone(), "test"),
                wrong,
                app::command_audit(Arc::new(ManualClock::default())),
                Arc::new(ManualClock::default()),
                policy,
            );
            assert!(keys.open().await.is_err());
            assert!(store.signing_keys().await.unwrap().is_empty());
        })
        .await;
}

#[tokio::test]
async fn algorithm_change_keeps_old_tokens_valid() {
    let service = only_eddsa().await;
    let token = service.tokens("ada", "").await.access_token;

    let changed =
        TestService::start_in(service.directory.clone(), service.clock.clone(), |config| {
            config.signing_algorithm = Algorithm::Es256;
            config.id_token_algorithms = vec![Algorithm::Es256];
        });
    let changed = changed.await;

    assert!(changed.try_validate(&token).await.is_ok());
    let (still, _) = sign_token(&changed).await;
    assert_eq!(
        Some(still),
        jsonwebtoken::decode_header(&token).unwrap().kid,
        "caches do not have the new key yet"
    );
    changed.clock.advance(minutes(10));
    let (_, new_token) = sign_token(&changed).await;
    assert!(changed.try_validate(&new_token).await.is_ok());
    let keys = changed
        .auth()
        .get_jwks(GetJwksRequest {})
        .await
        .unwrap()
        .into_inner()
        .keys;
    let algorithms: Vec<_> = keys.iter().map(|key| key.alg.as_str()).collect();
    assert_eq!(algorithms, ["ES256", "EdDSA"]);
}

#[tokio::test]
async fn start_with_wrong_encryption_key_fails() {
    let service = TestService::start().await;
    let mut config = config(service.directory.path());
    config.key_encryption_key = SecretBox::new(Box::new([2; 32]));
    let error = App::build(config, Arc::new(ManualClock::default()))
        .await
        .err()
        .unwrap();
    assert!(
        format!("{error:#}").contains("AUTH_KEY_ENCRYPTION_KEY"),
        "{error:#}"
    );
}

#[tokio::test]
async fn failed_start_with_wrong_encryption_key_changes_nothing() {
    let service = TestService::start().await;
    let mut wrong = config(service.directory.path());
    wrong.key_encryption_key = SecretBox::new(Box::new([2; 32]));
    wrong.signing_algorithm = Algorithm::Es256;
    wrong.id_token_algorithms = vec![Algorithm::Rs256];
    assert!(
        App::build(wrong, Arc::new(ManualClock::default()))
            .await
            .is_err()
    );

    let keys = service.store().await.signing_keys().await.unwrap();
    assert_eq!(keys.len(), 2);
    let right = config(service.directory.path());
    assert!(
        App::build(right, Arc::new(ManualClock::default()))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn database_contains_no_plain_secret() {
    let service = TestService::with_user("ada").await;
    let issued = service.tokens("ada", "").await;
    let directory = service.directory.clone();
    let service = service.restart().await;
    for row in service.content().await {
        assert!(!row.contains(crate::support::PASSWORD) && !row.contains(&issued.refresh_token));
    }
    drop(service);

    let secrets = [
        crate::support::PASSWORD.as_bytes(),
        issued.refresh_token.as_bytes(),
        PKCS8_ED25519,
    ];
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let content = std::fs::read(entry.unwrap().path()).unwrap();
        for secret in secrets {
            assert!(!content.windows(secret.len()).any(|window| window == secret));
        }
    }
}

/// The beginning of every Ed25519 key in PKCS #8 (RFC 8410 §7).
const PKCS8_ED25519: &[u8] = &[
    0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// A service that keeps keys of one algorithm, with the account `ada`.
async fn only_eddsa() -> TestService {
    let service = TestService::start_with(|config| {
        config.id_token_algorithms = vec![Algorithm::EdDsa];
    })
    .await;
    service.add_user("ada", false).await;
    service
}

/// The key management of the command line, on the database of a service, for the same algorithm.
async fn key_manager(service: &TestService) -> SigningKeys {
    let config = config(service.directory.path());
    let store = app::open_store(&config.database).await.unwrap();
    let policy = KeyPolicy {
        algorithms: KeyAlgorithms::new(Algorithm::EdDsa, &[Algorithm::EdDsa]),
        max_age: config.key_max_age,
        access_ttl: config.policy.access_ttl,
    };
    let sealer = Sealer::new(&config.key_encryption_key);
    let clock = Arc::new(service.clock.clone());
    let audit = app::command_audit(clock.clone());
    SigningKeys::new((store, "test"), sealer, audit, clock, policy)
}

async fn published(service: &TestService) -> Vec<String> {
    let jwks = service.auth().get_jwks(GetJwksRequest {}).await.unwrap();
    let keys = jwks.into_inner().keys.into_iter();
    keys.map(|key| key.kid).collect()
}

/// Issues a token; returns the `kid` of its key, and the token.
async fn sign_token(service: &TestService) -> (String, String) {
    let token = service.tokens("ada", "").await.access_token;
    let header = jsonwebtoken::decode_header(&token).unwrap();
    (header.kid.unwrap(), token)
}

async fn until_published(service: &TestService, count: usize) -> Vec<String> {
    until("the keys to change", async || {
        let keys = published(service).await;
        (keys.len() == count).then_some(keys)
    })
    .await
}

#[tokio::test]
async fn new_key_is_published_before_it_signs() {
    let service = only_eddsa().await;
    let (old, old_token) = sign_token(&service).await;

    let new = key_manager(&service)
        .await
        .rotate(&OPERATOR)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        until_published(&service, 2).await,
        [old.clone(), new.clone()]
    );
    assert_eq!(
        sign_token(&service).await.0,
        old,
        "caches do not have it yet"
    );
    assert!(
        key_manager(&service)
            .await
            .rotate(&OPERATOR)
            .await
            .unwrap()
            .is_none(),
        "one rotation at a time"
    );

    service.clock.advance(minutes(10));
    let (kid, new_token) = sign_token(&service).await;
    assert_eq!(kid, new);
    assert_eq!(published(&service).await, [new.clone(), old]);
    for token in [&old_token, &new_token] {
        service.try_validate(token).await.unwrap();
    }

    service.clock.advance(minutes(17));
    assert_eq!(
        until_published(&service, 1).await,
        std::slice::from_ref(&new)
    );
    assert_eq!(sign_token(&service).await.0, new);
}

#[tokio::test]
async fn old_key_is_replaced() {
    let service = only_eddsa().await;
    let (old, _) = sign_token(&service).await;
    service.clock.advance(minutes(90 * 24 * 60));
    let keys = until_published(&service, 2).await;
    assert_eq!(keys[0], old);
    service.clock.advance(minutes(10));
    assert_eq!(sign_token(&service).await.0, keys[1]);
}

#[tokio::test]
async fn revoked_key_ends_its_tokens_and_no_login() {
    let service = only_eddsa().await;
    let issued = service.tokens("ada", "").await;
    let kid = jsonwebtoken::decode_header(&issued.access_token)
        .unwrap()
        .kid;
    let kid = kid.unwrap();

    let keys = key_manager(&service).await;
    assert!(keys.revoke(&kid, &OPERATOR).await.unwrap());
    assert!(
        !keys.revoke(&kid, &OPERATOR).await.unwrap(),
        "it is revoked already"
    );

    until("the token to be refused", async || {
        service.try_validate(&issued.access_token).await.err()
    })
    .await;
    let refused = service.try_validate(&issued.access_token).await;
    assert_refused(refused, Code::Unauthenticated, "TOKEN_BAD_SIGNATURE");
    let published = published(&service).await;
    assert!(!published.contains(&kid) && published.len() == 1);
    let again = service.try_refresh(&issued.refresh_token).await.unwrap();
    service.try_validate(&again.access_token).await.unwrap();
}
