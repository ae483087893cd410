//! Judging access tokens, from memory where that is as good as asking.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared, WeakShared},
};
use holdfast_core::{bounded_cache::TwoGenerationCache, clock::Clock};

use crate::{
    auth::{AuthError, Claims, DpopProof, Refusal, RefusalKind, TokenValidation},
    reason::ErrorReason,
    revocations::{CacheEpoch, Named, Revocations},
};

/// How many verdicts are remembered, at about a kilobyte each.
const MOST: usize = 32_768;

/// SHA-256 over a token and whom it is for: what is remembered is of no use to who reads this process's memory.
pub type Fingerprint = [u8; 32];

/// Makes fingerprints.
pub trait Fingerprints: Send + Sync {
    /// Of a token that is to be for `audience`.
    fn of(&self, token: &str, audience: &str) -> Fingerprint;
}

/// What auth-service said of a token, and what was known then.
#[derive(Clone)]
struct Verdict {
    claims: Arc<Claims>,
    history: CacheEpoch,
}

/// A question that is on its way; whoever has the same one waits for the same answer. It is over when nobody waits any more.
type Question = Shared<Asking>;
type Asked = HashMap<(Fingerprint, Option<CacheEpoch>), WeakShared<Asking>>;
type Asking = BoxFuture<'static, Result<Arc<Claims>, AuthError>>;

/// How many questions may be known before those are forgotten that nobody waits for.
const MANY_QUESTIONS: usize = 256;

/// Judges access tokens. Clones remember together.
#[derive(Clone)]
pub struct CachingTokenVerifier(Arc<Parts>);

struct Parts {
    auth: Arc<dyn TokenValidation>,
    revocations: Arc<dyn Revocations>,
    fingerprints: Arc<dyn Fingerprints>,
    clock: Arc<dyn Clock>,
    verdicts: TwoGenerationCache<Fingerprint, Verdict>,
    asked: Mutex<Asked>,
}

impl CachingTokenVerifier {
    /// Remembers nothing yet.
    pub fn new(
        auth: Arc<dyn TokenValidation>,
        revocations: Arc<dyn Revocations>,
        fingerprints: Arc<dyn Fingerprints>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self(Arc::new(Parts {
            auth,
            revocations,
            fingerprints,
            clock,
            verdicts: TwoGenerationCache::new(MOST),
            asked: Mutex::default(),
        }))
    }

    /// What a valid token says that is for `audience` and has all of these scopes. A token that is bound to a key is never judged
    /// from memory: its proof is good once.
    pub async fn validate(
        &self,
        token: &str,
        proof: Option<&DpopProof>,
        audience: &str,
        scopes: &[&str],
    ) -> Result<Arc<Claims>, AuthError> {
        let parts = &self.0;
        if proof.is_some() {
            let claims = parts.auth.validate(token, proof, audience, scopes).await?;
            return parts.not_ended(claims);
        }
        let fingerprint = parts.fingerprints.of(token, audience);
        let claims = match parts.remembered(&fingerprint) {
            Some(claims) => claims,
            None => self.question(fingerprint, token, audience).await?,
        };
        let has = |name: &str| claims.scope.split(' ').any(|one| one == name);
        if scopes.iter().copied().all(has) {
            Ok(claims)
        } else {
            Err(insufficient_scope())
        }
    }

    /// Joins whoever asks the same and knows the same, or asks: what ended meanwhile may not be in an answer that is on its way.
    fn question(&self, fingerprint: Fingerprint, token: &str, audience: &str) -> Question {
        let history = self.0.revocations.history();
        let key = (fingerprint, history);
        let mut asked = self.0.asked();
        if let Some(question) = asked.get(&key).and_then(WeakShared::upgrade) {
            return question;
        }
        if asked.len() >= MANY_QUESTIONS {
            asked.retain(|_, question| question.upgrade().is_some());
        }
        let parts = Arc::clone(&self.0);
        let (token, audience) = (token.to_owned(), audience.to_owned());
        let question = async move {
            let answer = parts.ask(key, &token, &audience).await;
            parts.asked().remove(&key);
            answer
        };
        let question = question.boxed().shared();
        if let Some(weak) = question.downgrade() {
            asked.insert(key, weak);
        }
        question
    }
}

impl Parts {
    /// What was said of a token, where nothing that was heard since speaks against it, and all was heard that could.
    fn remembered(&self, fingerprint: &Fingerprint) -> Option<Arc<Claims>> {
        let history = self.revocations.history()?;
        let verdict = self.verdicts.get(fingerprint)?;
        let claims = verdict.claims;
        let holds = verdict.history == history
            && self.clock.now() < claims.expires_at
            && !self.revocations.has_ended(Named::from(&*claims));
        if holds {
            Some(claims)
        } else {
            self.verdicts.remove(fingerprint);
            None
        }
    }

    async fn ask(
        &self,
        (fingerprint, history): (Fingerprint, Option<CacheEpoch>),
        token: &str,
        audience: &str,
    ) -> Result<Arc<Claims>, AuthError> {
        // What is heard while auth-service thinks may be what it does not know yet: it counts as of before.
        let generation = self.verdicts.generation();
        let claims = self.not_ended(self.auth.validate(token, None, audience, &[]).await?)?;
        if let Some(history) = history {
            let claims = Arc::clone(&claims);
            let verdict = Verdict { claims, history };
            self.verdicts.insert(generation, fingerprint, verdict);
        }
        Ok(claims)
    }

    /// What has ended does not come back, though auth-service's instance may have lost it, or never knew.
    fn not_ended(&self, claims: Claims) -> Result<Arc<Claims>, AuthError> {
        if self.revocations.has_ended(Named::from(&claims)) {
            return Err(revoked());
        }
        Ok(Arc::new(claims))
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn revoked() -> AuthError {
    AuthError::Refused(Refusal {
        kind: RefusalKind::Unauthenticated,
        reason: ErrorReason::TokenRevoked.into(),
        message: "the access token was revoked".to_owned(),
        dpop_nonce: String::new(),
    })
}

fn insufficient_scope() -> AuthError {
    AuthError::Refused(Refusal {
        kind: RefusalKind::Forbidden,
        reason: ErrorReason::InsufficientScope.into(),
        message: "the access token lacks a required scope".to_owned(),
        dpop_nonce: String::new(),
    })
}

#[cfg(test)]
mod tests;
