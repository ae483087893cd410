use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::join_all;
use holdfast_core::clock::ManualClock;
use time::OffsetDateTime;
use tokio::sync::Semaphore;

use super::*;
use crate::{fingerprint::Sha256, revocations::LoginState};

/// An auth-service that counts, and answers as often as it is let.
struct Counting {
    asked: AtomicUsize,
    may_answer: Semaphore,
    clock: Arc<ManualClock>,
}

#[async_trait]
impl TokenValidation for Counting {
    async fn validate(
        &self,
        _: &str,
        _: Option<&DpopProof>,
        audience: &str,
        _: &[&str],
    ) -> Result<Claims, AuthError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.may_answer.acquire().await.unwrap().forget();
        Ok(Claims {
            username: "ada".to_owned(),
            subject: audience.to_owned(),
            sid: "sid".to_owned(),
            jti: "jti".to_owned(),
            client_id: "client".to_owned(),
            scope: "profile mail".to_owned(),
            expires_at: self.clock.now() + Duration::from_mins(15),
            authenticated_at: None,
            dpop_nonce: String::new(),
        })
    }
}

/// What was heard.
struct IntrospectionResponse {
    history: Mutex<Option<CacheEpoch>>,
    has_ended: AtomicBool,
}

impl Revocations for IntrospectionResponse {
    fn login(&self, _: &str, _: &str) -> LoginState {
        LoginState::Live
    }

    fn history(&self) -> Option<CacheEpoch> {
        *self.history.lock().unwrap()
    }

    fn has_ended(&self, _: Named<'_>) -> bool {
        self.has_ended.load(Ordering::SeqCst)
    }

    fn issuer_now(&self) -> Option<OffsetDateTime> {
        None
    }

    fn readiness(&self) -> Result<(), String> {
        Ok(())
    }
}

const HISTORY: CacheEpoch = CacheEpoch {
    epoch: 1,
    revoked_keys: 0,
    own_acts: 0,
};

struct Court {
    verify: CachingTokenVerifier,
    auth: Arc<Counting>,
    told: Arc<IntrospectionResponse>,
    clock: Arc<ManualClock>,
}

impl Court {
    fn open() -> Self {
        let clock = Arc::new(ManualClock::default());
        let auth = Arc::new(Counting {
            asked: AtomicUsize::new(0),
            may_answer: Semaphore::new(1_000),
            clock: clock.clone(),
        });
        let told = Arc::new(IntrospectionResponse {
            history: Mutex::new(Some(HISTORY)),
            has_ended: AtomicBool::new(false),
        });
        let verify =
            CachingTokenVerifier::new(auth.clone(), told.clone(), Arc::new(Sha256), clock.clone());
        Self {
            verify,
            auth,
            told,
            clock,
        }
    }

    async fn judges(&self, token: &str) -> Arc<Claims> {
        self.verify.validate(token, None, "", &[]).await.unwrap()
    }

    fn asked(&self) -> usize {
        self.auth.asked.load(Ordering::SeqCst)
    }

    fn hears(&self, history: Option<CacheEpoch>) {
        *self.told.history.lock().unwrap() = history;
    }
}

#[tokio::test]
async fn what_has_ended_stays_so_whatever_auth_service_answers() {
    let court = Court::open();
    let proof = DpopProof {
        jwt: "a proof".to_owned(),
        method: "GET".to_owned(),
        uri: "https://id.example/".to_owned(),
    };
    court.told.has_ended.store(true, Ordering::SeqCst);
    for proof in [None, Some(&proof)] {
        for _ in 0..2 {
            let refused = court
                .verify
                .validate("a", proof, "", &[])
                .await
                .unwrap_err();
            assert!(
                refused.is_refused_as(ErrorReason::TokenRevoked),
                "{refused}"
            );
        }
    }
    assert_eq!(court.asked(), 4, "the answers were not remembered");
}

#[tokio::test]
async fn the_same_token_is_asked_for_once() {
    let court = Court::open();
    court.judges("a").await;
    court.judges("a").await;
    assert_eq!(court.asked(), 1);
    court.judges("b").await;
    assert_eq!(court.asked(), 2);
}

#[tokio::test]
async fn a_verdict_is_for_one_audience() {
    let court = Court::open();
    for audience in ["", "a", "b", "a"] {
        let claims = court.verify.validate("token", None, audience, &[]).await;
        assert_eq!(claims.unwrap().subject, audience);
    }
    assert_eq!(court.asked(), 3);
}

#[tokio::test]
async fn scopes_are_judged_for_each_request() {
    let court = Court::open();
    court.judges("a").await;
    for (scopes, suffices) in [
        (vec!["profile"], true),
        (vec!["mail", "profile"], true),
        (vec!["profil"], false),
        (vec!["profile", "admin"], false),
        (vec!["profile mail"], false),
        (vec![""], false),
    ] {
        let judged = court.verify.validate("a", None, "", &scopes).await;
        match judged {
            Ok(_) => assert!(suffices, "{scopes:?}"),
            Err(error) => {
                assert!(error.is_refused_as(ErrorReason::InsufficientScope));
                assert!(!suffices, "{scopes:?}");
            }
        }
    }
    assert_eq!(court.asked(), 1);
}

#[tokio::test]
async fn nothing_is_good_longer_than_the_token() {
    let court = Court::open();
    court.judges("a").await;
    court
        .clock
        .advance(Duration::from_mins(15) - Duration::from_secs(1));
    court.judges("a").await;
    assert_eq!(court.asked(), 1);
    court.clock.advance(Duration::from_secs(1));
    court.judges("a").await;
    assert_eq!(court.asked(), 2);
}

#[tokio::test]
async fn what_ended_is_asked_for_anew() {
    let court = Court::open();
    court.judges("a").await;
    court.told.has_ended.store(true, Ordering::SeqCst);
    let answer = court.verify.validate("a", None, "", &[]).await;
    assert!(answer.unwrap_err().is_refused_as(ErrorReason::TokenRevoked));
    assert_eq!(court.asked(), 2);
}

#[tokio::test]
async fn whatever_else_is_heard_or_done_takes_the_verdicts_back() {
    for changed in [
        CacheEpoch {
            epoch: 2,
            ..HISTORY
        },
        CacheEpoch {
            revoked_keys: 1,
            ..HISTORY
        },
        CacheEpoch {
            own_acts: 1,
            ..HISTORY
        },
    ] {
        let court = Court::open();
        court.judges("a").await;
        court.hears(Some(changed));
        court.judges("a").await;
        assert_eq!(court.asked(), 2, "{changed:?}");
        court.judges("a").await;
        assert_eq!(court.asked(), 2, "{changed:?}");
    }
}

#[tokio::test]
async fn while_nothing_is_heard_nothing_is_remembered() {
    let court = Court::open();
    court.judges("a").await;
    court.hears(None);
    for asked in 2..5 {
        court.judges("a").await;
        assert_eq!(court.asked(), asked);
    }
}

#[tokio::test]
async fn what_is_heard_while_the_answer_is_on_its_way_counts() {
    let court = Court::open();
    court.auth.may_answer.forget_permits(1_000);
    let judged = tokio::spawn({
        let verify = court.verify.clone();
        async move { verify.validate("a", None, "", &[]).await.map(drop) }
    });
    while court.asked() == 0 {
        tokio::task::yield_now().await;
    }
    court.hears(Some(CacheEpoch {
        revoked_keys: 1,
        ..HISTORY
    }));
    court.auth.may_answer.add_permits(1_000);
    judged.await.unwrap().unwrap();
    court.judges("a").await;
    assert_eq!(court.asked(), 2);
}

#[tokio::test]
async fn a_burst_of_the_same_new_token_is_one_question() {
    let court = Court::open();
    court.auth.may_answer.forget_permits(999);
    let burst = (0..100).map(|_| court.judges("a"));
    assert_eq!(join_all(burst).await.len(), 100);
    assert_eq!(court.asked(), 1);
}

#[tokio::test]
async fn nobody_joins_a_question_that_is_older_than_what_ended() {
    let court = Court::open();
    court.auth.may_answer.forget_permits(1_000);
    let mut before = Box::pin(court.judges("a"));
    assert!((&mut before).now_or_never().is_none());
    court.hears(Some(CacheEpoch {
        own_acts: 1,
        ..HISTORY
    }));
    let mut after = Box::pin(court.judges("a"));
    assert!((&mut after).now_or_never().is_none());
    assert_eq!(court.asked(), 2);
    court.auth.may_answer.add_permits(2);
    before.await;
    after.await;
    court.judges("a").await;
    assert_eq!(court.asked(), 2, "the newer answer is remembered");
}

#[tokio::test]
async fn a_question_that_nobody_waits_for_leaves_none_behind() {
    let court = Court::open();
    court.auth.may_answer.forget_permits(1_000);
    for turn in 0..MANY_QUESTIONS * 2 {
        let token = turn.to_string();
        let mut question = Box::pin(court.judges(&token));
        assert!((&mut question).now_or_never().is_none());
    }
    assert!(court.verify.0.asked().len() <= MANY_QUESTIONS);
    court.auth.may_answer.add_permits(1);
    assert_eq!(court.judges("0").await.username, "ada");
}

#[tokio::test]
async fn a_proof_is_always_shown_to_auth_service() {
    let court = Court::open();
    let proof = DpopProof {
        jwt: "proof".to_owned(),
        method: "GET".to_owned(),
        uri: "https://localhost/".to_owned(),
    };
    for asked in 1..4 {
        let judged = court.verify.validate("a", Some(&proof), "", &[]).await;
        judged.unwrap();
        assert_eq!(court.asked(), asked);
    }
    court.judges("a").await;
    assert_eq!(court.asked(), 4, "and is not remembered");
}
