use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use futures_util::future::join_all;
use holdfast_core::clock::ManualClock;
use tokio::sync::Semaphore;

use super::*;

/// An auth-service that counts calls, and answers one for each permit.
struct CountingAuth {
    calls: AtomicUsize,
    permits: Semaphore,
    clock: Arc<ManualClock>,
}

#[async_trait]
impl TokenValidation for CountingAuth {
    async fn validate(
        &self,
        _: &str,
        _: Option<&DpopProof>,
        audience: &str,
        _: &[&str],
    ) -> Result<Claims, AuthError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.permits.acquire().await.unwrap().forget();
        Ok(Claims {
            username: Some("ada".to_owned()),
            subject: audience.to_owned(),
            sid: Some("sid".to_owned()),
            grant_id: Some("sid".to_owned()),
            jti: "jti".to_owned(),
            client_id: "client".to_owned(),
            scope: "profile mail".to_owned(),
            expires_at: self.clock.now() + Duration::from_mins(15),
            authenticated_at: None,
            acr: None,
            amr: Vec::new(),
            dpop_nonce: None,
        })
    }
}

/// A revocation stream that the test controls.
struct FakeRevocations {
    epoch: Mutex<Option<CacheEpoch>>,
    is_revoked: AtomicBool,
}

impl Revocations for FakeRevocations {
    fn cache_epoch(&self) -> Option<CacheEpoch> {
        *self.epoch.lock().unwrap()
    }

    fn is_revoked(&self, _: RevocableIds<'_>) -> bool {
        self.is_revoked.load(Ordering::SeqCst)
    }
}

const EPOCH: CacheEpoch = CacheEpoch {
    epochs: 1,
    revoked_keys: 0,
    missed_revocations: 0,
};

struct Fixture {
    verifier: CachingTokenVerifier,
    auth: Arc<CountingAuth>,
    revocations: Arc<FakeRevocations>,
    clock: Arc<ManualClock>,
}

impl Fixture {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let auth = Arc::new(CountingAuth {
            calls: AtomicUsize::new(0),
            permits: Semaphore::new(1_000),
            clock: clock.clone(),
        });
        let revocations = Arc::new(FakeRevocations {
            epoch: Mutex::new(Some(EPOCH)),
            is_revoked: AtomicBool::new(false),
        });
        let verifier = CachingTokenVerifier::with(auth.clone(), revocations.clone(), clock.clone());
        Self {
            verifier,
            auth,
            revocations,
            clock,
        }
    }

    async fn validate(&self, token: &str) -> Arc<Claims> {
        self.verifier.validate(token, None, "", &[]).await.unwrap()
    }

    fn calls(&self) -> usize {
        self.auth.calls.load(Ordering::SeqCst)
    }

    fn set_epoch(&self, epoch: Option<CacheEpoch>) {
        *self.revocations.epoch.lock().unwrap() = epoch;
    }
}

#[tokio::test]
async fn revoked_token_is_refused_though_auth_service_accepts_it() {
    let fixture = Fixture::new();
    let proof = DpopProof {
        jwt: "a proof".to_owned(),
        method: "GET".to_owned(),
        uri: "https://id.example/".to_owned(),
    };
    fixture.revocations.is_revoked.store(true, Ordering::SeqCst);
    for proof in [None, Some(&proof)] {
        for _ in 0..2 {
            let error = fixture
                .verifier
                .validate("a", proof, "", &[])
                .await
                .unwrap_err();
            assert!(error.is_refused_as(ErrorReason::TokenRevoked), "{error}");
        }
    }
    assert_eq!(fixture.calls(), 4, "nothing is cached");
}

#[tokio::test]
async fn second_validation_uses_cache() {
    let fixture = Fixture::new();
    fixture.validate("a").await;
    fixture.validate("a").await;
    assert_eq!(fixture.calls(), 1);
    fixture.validate("b").await;
    assert_eq!(fixture.calls(), 2);
}

#[tokio::test]
async fn cached_result_is_for_one_audience() {
    let fixture = Fixture::new();
    for audience in ["", "a", "b", "a"] {
        let claims = fixture
            .verifier
            .validate("token", None, audience, &[])
            .await;
        assert_eq!(claims.unwrap().subject, audience);
    }
    assert_eq!(fixture.calls(), 3);
}

#[tokio::test]
async fn scopes_are_checked_for_each_request() {
    let fixture = Fixture::new();
    fixture.validate("a").await;
    for (scopes, suffices) in [
        (vec!["profile"], true),
        (vec!["mail", "profile"], true),
        (vec!["profil"], false),
        (vec!["profile", "admin"], false),
        (vec!["profile mail"], false),
        (vec![""], false),
    ] {
        let result = fixture.verifier.validate("a", None, "", &scopes).await;
        match result {
            Ok(_) => assert!(suffices, "{scopes:?}"),
            Err(error) => {
                assert!(error.is_refused_as(ErrorReason::InsufficientScope));
                assert!(!suffices, "{scopes:?}");
            }
        }
    }
    assert_eq!(fixture.calls(), 1);
}

#[tokio::test]
async fn cached_result_ends_with_token_expiry() {
    let fixture = Fixture::new();
    fixture.validate("a").await;
    fixture
        .clock
        .advance(Duration::from_mins(15) - Duration::from_secs(1));
    fixture.validate("a").await;
    assert_eq!(fixture.calls(), 1);
    fixture.clock.advance(Duration::from_secs(1));
    fixture.validate("a").await;
    assert_eq!(fixture.calls(), 2);
}

#[tokio::test]
async fn revocation_removes_cached_result() {
    let fixture = Fixture::new();
    fixture.validate("a").await;
    fixture.revocations.is_revoked.store(true, Ordering::SeqCst);
    let answer = fixture.verifier.validate("a", None, "", &[]).await;
    assert!(answer.unwrap_err().is_refused_as(ErrorReason::TokenRevoked));
    assert_eq!(fixture.calls(), 2);
}

#[tokio::test]
async fn changed_cache_epoch_invalidates_cached_results() {
    for changed in [
        CacheEpoch { epochs: 2, ..EPOCH },
        CacheEpoch {
            revoked_keys: 1,
            ..EPOCH
        },
        CacheEpoch {
            missed_revocations: 1,
            ..EPOCH
        },
    ] {
        let fixture = Fixture::new();
        fixture.validate("a").await;
        fixture.set_epoch(Some(changed));
        fixture.validate("a").await;
        assert_eq!(fixture.calls(), 2, "{changed:?}");
        fixture.validate("a").await;
        assert_eq!(fixture.calls(), 2, "{changed:?}");
    }
}

#[tokio::test]
async fn stale_stream_disables_cache() {
    let fixture = Fixture::new();
    fixture.validate("a").await;
    fixture.set_epoch(None);
    for calls in 2..5 {
        fixture.validate("a").await;
        assert_eq!(fixture.calls(), calls);
    }
}

#[tokio::test]
async fn epoch_changed_during_call_invalidates_its_result() {
    let fixture = Fixture::new();
    fixture.auth.permits.forget_permits(1_000);
    let validation = tokio::spawn({
        let verifier = fixture.verifier.clone();
        async move { verifier.validate("a", None, "", &[]).await.map(drop) }
    });
    while fixture.calls() == 0 {
        tokio::task::yield_now().await;
    }
    fixture.set_epoch(Some(CacheEpoch {
        revoked_keys: 1,
        ..EPOCH
    }));
    fixture.auth.permits.add_permits(1_000);
    validation.await.unwrap().unwrap();
    fixture.validate("a").await;
    assert_eq!(fixture.calls(), 2);
}

#[tokio::test]
async fn concurrent_validations_of_one_token_share_a_call() {
    let fixture = Fixture::new();
    fixture.auth.permits.forget_permits(999);
    let burst = (0..100).map(|_| fixture.validate("a"));
    assert_eq!(join_all(burst).await.len(), 100);
    assert_eq!(fixture.calls(), 1);
}

#[tokio::test]
async fn validation_after_epoch_change_does_not_join_earlier_call() {
    let fixture = Fixture::new();
    fixture.auth.permits.forget_permits(1_000);
    let mut before = Box::pin(fixture.validate("a"));
    assert!((&mut before).now_or_never().is_none());
    fixture.set_epoch(Some(CacheEpoch {
        missed_revocations: 1,
        ..EPOCH
    }));
    let mut after = Box::pin(fixture.validate("a"));
    assert!((&mut after).now_or_never().is_none());
    assert_eq!(fixture.calls(), 2);
    fixture.auth.permits.add_permits(2);
    before.await;
    after.await;
    fixture.validate("a").await;
    assert_eq!(fixture.calls(), 2, "the newer answer is cached");
}

#[tokio::test]
async fn validations_share_no_call_while_stream_is_stale() {
    let fixture = Fixture::new();
    fixture.set_epoch(None);
    let burst = (0..3).map(|_| fixture.validate("a"));
    assert_eq!(join_all(burst).await.len(), 3);
    assert_eq!(fixture.calls(), 3);
    assert!(fixture.verifier.0.in_flight().is_empty());
}

#[tokio::test]
async fn token_longer_than_auth_service_accepts_is_refused_without_a_call() {
    let fixture = Fixture::new();
    let token = "a".repeat(MAX_TOKEN + 1);
    let result = fixture.verifier.validate(&token, None, "", &[]).await;
    let error = result.unwrap_err();
    assert!(error.is_refused_as(ErrorReason::TokenMalformed), "{error}");
    fixture.validate(&token[1..]).await;
    assert_eq!(fixture.calls(), 1);
}

#[tokio::test]
async fn abandoned_calls_are_removed() {
    let fixture = Fixture::new();
    fixture.auth.permits.forget_permits(1_000);
    for turn in 0..PURGE_AT * 2 {
        let token = turn.to_string();
        let mut call = Box::pin(fixture.validate(&token));
        assert!((&mut call).now_or_never().is_none());
    }
    assert!(fixture.verifier.0.in_flight().len() <= PURGE_AT);
    fixture.auth.permits.add_permits(1);
    assert_eq!(fixture.validate("0").await.username.as_deref(), Some("ada"));
}

#[tokio::test]
async fn validation_with_proof_always_calls_auth_service() {
    let fixture = Fixture::new();
    let proof = DpopProof {
        jwt: "proof".to_owned(),
        method: "GET".to_owned(),
        uri: "https://localhost/".to_owned(),
    };
    for calls in 1..4 {
        let result = fixture.verifier.validate("a", Some(&proof), "", &[]).await;
        result.unwrap();
        assert_eq!(fixture.calls(), calls);
    }
    fixture.validate("a").await;
    assert_eq!(fixture.calls(), 4, "and is not cached");
}
