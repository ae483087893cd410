//! Signing keys of several algorithms: those of access tokens and of ID tokens (`AUTH_ID_TOKEN_ALGORITHMS`).

use std::sync::Arc;

use auth_proto::v1::{GetJwksRequest, JsonWebKey};
use auth_service::app::{
    self,
    key_rotation::{KeyPolicy, SigningKeys},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_core::clock::Clock as _;
use holdfast_crypto::{jwt::Jwts, key_ring::KeyRing, seal::Sealer, subject_ids::SubjectIdKey};
use holdfast_identity::{
    call_context::CallContext,
    key::{
        Algorithm::{self, EdDsa, Es256, Rs256},
        KeyAlgorithms, PUBLICATION_LEAD_TIME, StoredSigningKey,
    },
};
use serde_json::json;
use tonic::Code;

use crate::support::{TestService, assert_refused, config, database, minutes, until};

const OPERATOR: CallContext = CallContext::operator();

/// The algorithms of the default configuration, and RS256.
const ALL: [Algorithm; 3] = Algorithm::ALL;

/// The lifetime of an access token in a test, with leeway on both sides.
const TOKEN_LIFETIME: std::time::Duration = minutes(16);

async fn start_with_all() -> TestService {
    TestService::start_with(|config| config.id_token_algorithms = ALL.to_vec()).await
}

/// The key management of the command line, on the database of a service.
async fn key_manager(
    service: &TestService,
    access_tokens: Algorithm,
    id_tokens: &[Algorithm],
) -> SigningKeys {
    let config = config(service.directory.path());
    let policy = KeyPolicy {
        algorithms: KeyAlgorithms::new(access_tokens, id_tokens),
        max_age: config.key_max_age,
        access_ttl: config.policy.access_ttl,
    };
    let sealer = Sealer::new(&config.key_encryption_key);
    let clock = Arc::new(service.clock.clone());
    let audit = app::command_audit(clock.clone());
    let holder = (service.store().await, "test");
    SigningKeys::new(holder, sealer, audit, clock, policy)
}

async fn published(service: &TestService) -> Vec<JsonWebKey> {
    let jwks = service.auth().get_jwks(GetJwksRequest {}).await.unwrap();
    jwks.into_inner().keys
}

async fn published_algorithms(service: &TestService) -> Vec<String> {
    let keys = published(service).await.into_iter();
    let mut algorithms: Vec<_> = keys.map(|key| key.alg).collect();
    algorithms.sort();
    algorithms
}

async fn stored(service: &TestService) -> Vec<StoredSigningKey> {
    service.store().await.signing_keys().await.unwrap()
}

fn of(keys: &[StoredSigningKey], algorithm: Algorithm) -> Vec<&StoredSigningKey> {
    let own = keys.iter();
    own.filter(|key| key.public_key.algorithm() == algorithm)
        .collect()
}

/// The number of stored keys of each algorithm.
async fn counts(service: &TestService) -> [usize; 3] {
    let keys = stored(service).await;
    ALL.map(|algorithm| of(&keys, algorithm).len())
}

async fn until_counts(service: &TestService, expected: [usize; 3]) {
    until("the keys to change", async || {
        (counts(service).await == expected).then_some(())
    })
    .await;
}

/// Waits until the keys were maintained at the present time, which deletes a key that is added here.
async fn until_maintained(service: &TestService) {
    let sql = "INSERT INTO signing_keys SELECT 'outlived', algorithm, public_key, sealed_private_key, created_at, 0, NULL \
               FROM signing_keys WHERE algorithm = 'EdDSA' LIMIT 1";
    service.execute_sql(sql.to_owned()).await;
    until("the keys to be maintained", async || {
        let keys = stored(service).await;
        keys.iter().all(|key| key.kid != "outlived").then_some(())
    })
    .await;
}

#[tokio::test]
async fn default_installation_publishes_eddsa_and_es256() {
    let service = TestService::with_user("ada").await;
    let keys = published(&service).await;
    let forms: Vec<_> = keys
        .iter()
        .map(|key| (key.alg.as_str(), key.kty.as_str(), key.r#use.as_str()))
        .collect();
    assert_eq!(forms, [("EdDSA", "OKP", "sig"), ("ES256", "EC", "sig")]);
    assert!(keys.iter().all(|key| key.n.is_empty() && key.e.is_empty()));
    let token = service.tokens("ada", "").await.access_token;
    let header = jsonwebtoken::decode_header(&token).unwrap();
    assert_eq!(header.kid.as_ref(), Some(&keys[0].kid), "the first signs");
}

#[tokio::test]
async fn rs256_key_is_published_where_it_is_configured_and_signs_no_access_token() {
    let service = start_with_all().await;
    service.add_user("ada", false).await;
    let keys = published(&service).await;
    let rsa = keys.iter().find(|key| key.alg == "RS256").unwrap();
    assert_eq!((rsa.kty.as_str(), rsa.r#use.as_str()), ("RSA", "sig"));
    assert_eq!(rsa.e, "AQAB");
    let modulus = URL_SAFE_NO_PAD.decode(&rsa.n).unwrap();
    assert_eq!(modulus.len() * 8, 3072);
    assert!(rsa.crv.is_empty() && rsa.x.is_empty() && rsa.y.is_empty());

    let token = service.tokens("ada", "").await.access_token;
    let header = jsonwebtoken::decode_header(&token).unwrap();
    assert_eq!(header.alg, jsonwebtoken::Algorithm::EdDSA);
    service.try_validate(&token).await.unwrap();
}

#[tokio::test]
async fn id_token_of_each_algorithm_is_no_access_token() {
    let service = start_with_all().await;
    let sealer = Sealer::new(&config(service.directory.path()).key_encryption_key);
    let ring = KeyRing::open(stored(&service).await, EdDsa, &sealer).unwrap();
    let subject_ids = Arc::new(SubjectIdKey::new(&vec![9; 32].into()));
    let (jwts, now) = (Jwts::new(ring, subject_ids), service.clock.now());
    for algorithm in ALL {
        let claims = json!({"iss": "https://id.example", "sub": "7"});
        let token = jwts.sign_with(algorithm, now, "JWT", &claims).unwrap();
        let verified = jwts.verify_signature(&token, "JWT").unwrap();
        assert_eq!(verified["sub"], "7");
        let refused = service.try_validate(&token).await;
        assert_refused(refused, Code::Unauthenticated, "TOKEN_MALFORMED");
    }
}

#[tokio::test]
async fn added_algorithm_of_id_tokens_signs_at_once() {
    let service = TestService::start().await;
    let (directory, clock) = (service.directory.clone(), service.clock.clone());
    service.stop_and(async |_| ()).await;
    clock.advance(minutes(60));
    let service = TestService::start_in(directory, clock, |config| {
        config.id_token_algorithms = vec![Rs256];
    })
    .await;
    let keys = stored(&service).await;
    let rsa = of(&keys, Rs256);
    assert_eq!(rsa.len(), 1);
    assert!(rsa[0].signs_from <= service.clock.now());
    assert_eq!(
        published_algorithms(&service).await,
        ["ES256", "EdDSA", "RS256"]
    );
}

#[tokio::test]
async fn changed_algorithm_of_access_tokens_is_published_before_it_signs() {
    let service = TestService::start_with(|config| config.id_token_algorithms = vec![Rs256]).await;
    let (directory, clock) = (service.directory.clone(), service.clock.clone());
    service.stop_and(async |_| ()).await;
    let service = TestService::start_in(directory, clock, |config| {
        config.signing_algorithm = Es256;
        config.id_token_algorithms = vec![Rs256];
    })
    .await;
    service.add_user("ada", false).await;
    let keys = stored(&service).await;
    let lead = of(&keys, Es256)[0].signs_from - service.clock.now();
    assert_eq!(lead, PUBLICATION_LEAD_TIME);
    let algorithm = async || {
        let token = service.tokens("ada", "").await.access_token;
        jsonwebtoken::decode_header(&token).unwrap().alg
    };
    assert_eq!(algorithm().await, jsonwebtoken::Algorithm::EdDSA);
    service.clock.advance(PUBLICATION_LEAD_TIME);
    assert_eq!(algorithm().await, jsonwebtoken::Algorithm::ES256);
}

#[tokio::test]
async fn rotation_replaces_the_key_of_each_algorithm() {
    let service = start_with_all().await;
    let manager = key_manager(&service, EdDsa, &ALL).await;
    let kid = manager.rotate(&OPERATOR).await.unwrap().unwrap();
    let keys = stored(&service).await;
    let own = of(&keys, EdDsa);
    assert_eq!(own.last().unwrap().kid, kid, "that of access tokens");
    let start = service.clock.now() + PUBLICATION_LEAD_TIME;
    for algorithm in ALL {
        let starts = of(&keys, algorithm).into_iter().map(|key| key.signs_from);
        assert_eq!(starts.max(), Some(start), "{algorithm}");
    }
    assert_eq!(counts(&service).await, [2, 2, 2]);
    assert_eq!(manager.rotate(&OPERATOR).await.unwrap(), None);
    assert_eq!(counts(&service).await, [2, 2, 2]);

    service
        .clock
        .advance(PUBLICATION_LEAD_TIME + TOKEN_LIFETIME + minutes(1));
    until_counts(&service, [1, 1, 1]).await;
    let left = stored(&service).await;
    assert!(left.iter().all(|key| key.signs_from == start));
}

#[tokio::test]
async fn rotation_adds_no_second_pending_key_of_id_tokens() {
    let service = TestService::start().await;
    let of_es256 = key_manager(&service, Es256, &[Es256]).await;
    of_es256.rotate(&OPERATOR).await.unwrap().unwrap();
    assert_eq!(counts(&service).await, [1, 2, 0]);
    let both = key_manager(&service, EdDsa, &[EdDsa, Es256]).await;
    let kid = both.rotate(&OPERATOR).await.unwrap();
    assert!(kid.is_some(), "the key of access tokens is rotated");
    assert_eq!(counts(&service).await, [2, 2, 0]);
}

#[tokio::test]
async fn key_of_each_algorithm_is_rotated_by_age() {
    let service = start_with_all().await;
    service.clock.advance(minutes(90 * 24 * 60));
    until_counts(&service, [2, 2, 2]).await;
    let (now, keys) = (service.clock.now(), stored(&service).await);
    for algorithm in ALL {
        let started = of(&keys, algorithm)
            .into_iter()
            .filter(|key| key.signs_from <= now);
        assert_eq!(started.count(), 1, "{algorithm} is published first");
    }
}

#[tokio::test]
async fn key_of_a_removed_algorithm_is_deleted_after_its_last_token() {
    let service = start_with_all().await;
    let (directory, clock) = (service.directory.clone(), service.clock.clone());
    service.stop_and(async |_| ()).await;
    let service = TestService::start_in(directory, clock, |_| ()).await;
    // It answers, so it has begun to maintain the keys.
    assert_eq!(published(&service).await.len(), 3);
    // A minute less than lead time and token lifetime.
    service.clock.advance(minutes(25));
    until_maintained(&service).await;
    assert_eq!(
        published_algorithms(&service).await,
        ["ES256", "EdDSA", "RS256"],
        "a token that another instance signed may be valid"
    );
    service.clock.advance(minutes(2));
    until_counts(&service, [1, 1, 0]).await;
    until("the key to be withdrawn", async || {
        let algorithms = published_algorithms(&service).await;
        (algorithms == ["ES256", "EdDSA"]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn revoked_key_of_id_tokens_is_replaced_at_once() {
    let service = start_with_all().await;
    service.add_user("ada", false).await;
    let token = service.tokens("ada", "").await.access_token;
    let manager = key_manager(&service, EdDsa, &ALL).await;
    for algorithm in [Es256, Rs256] {
        let keys = stored(&service).await;
        let kid = of(&keys, algorithm)[0].kid.clone();
        assert!(manager.revoke(&kid, &OPERATOR).await.unwrap());
        let keys = stored(&service).await;
        let own = of(&keys, algorithm);
        assert_eq!(own.len(), 1, "{algorithm}");
        assert!(own[0].kid != kid && own[0].signs_from <= service.clock.now());
        until("the key to be replaced", async || {
            let keys = published(&service).await;
            let has = |kid: &str| keys.iter().any(|key| key.kid == kid);
            (!has(&kid) && has(&own[0].kid)).then_some(())
        })
        .await;
    }
    service.try_validate(&token).await.unwrap();
    assert_eq!(counts(&service).await, [1, 1, 1]);
}

#[tokio::test]
async fn revoked_key_is_replaced_while_its_successor_is_pending() {
    let service = TestService::start().await;
    let manager = key_manager(&service, EdDsa, &[Es256]).await;
    let before = stored(&service).await;
    manager.rotate(&OPERATOR).await.unwrap().unwrap();
    for algorithm in [EdDsa, Es256] {
        let kid = &of(&before, algorithm)[0].kid;
        assert!(manager.revoke(kid, &OPERATOR).await.unwrap());
        let keys = stored(&service).await;
        let starts: Vec<_> = of(&keys, algorithm)
            .into_iter()
            .map(|key| key.signs_from - service.clock.now())
            .collect();
        let lead = time::Duration::try_from(PUBLICATION_LEAD_TIME).unwrap();
        assert_eq!(starts, [time::Duration::ZERO, lead], "{algorithm}");
    }
}

#[tokio::test]
async fn two_instances_have_one_key_of_each_algorithm() {
    let first = TestService::start().await;
    let (directory, clock) = (first.directory.clone(), first.clock.clone());
    first
        .stop_and(async |directory| {
            let store = app::open_store(&database(directory)).await.unwrap();
            for key in store.signing_keys().await.unwrap() {
                store.remove_signing_key(&key.kid).await.unwrap();
            }
        })
        .await;
    let start = || {
        TestService::start_in(directory.clone(), clock.clone(), |config| {
            config.id_token_algorithms = ALL.to_vec();
        })
    };
    let (first, second) = tokio::join!(start(), start());
    assert_eq!(counts(&first).await, [1, 1, 1]);
    let kids = async |service: &TestService| {
        let keys = published(service).await.into_iter();
        let mut kids: Vec<_> = keys.map(|key| key.kid).collect();
        kids.sort();
        kids
    };
    until("both instances to publish the keys", async || {
        let (here, there) = (kids(&first).await, kids(&second).await);
        (here.len() == 3 && here == there).then_some(())
    })
    .await;

    clock.advance(minutes(90 * 24 * 60));
    until("both instances to publish new keys", async || {
        let (here, there) = (kids(&first).await, kids(&second).await);
        (here.len() == 6 && here == there).then_some(())
    })
    .await;
    assert_eq!(counts(&first).await, [2, 2, 2]);
}
