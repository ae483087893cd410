//! Validation of access tokens with a cache.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared, WeakShared},
};
use holdfast_core::{bounded_cache::TwoGenerationCache, clock::Clock};

use crate::{
    auth_client::AuthClient,
    authorization::DpopProof,
    calls::validate::Claims,
    error::{AuthError, Refusal, RefusalKind},
    reason::ErrorReason,
    revocation::{CacheEpoch, RevocableIds, watcher::RevocationWatcher},
    token_verifier::fingerprint::{Fingerprint, fingerprint},
};

mod fingerprint;
mod metrics;

pub(crate) use self::metrics::register;

/// Number of cached results, of about a kilobyte each.
const CAPACITY: usize = 32_768;

/// Longest token, in bytes: auth-service accepts no longer one.
const MAX_TOKEN: usize = 8192;

/// Number of calls in progress at which the entries of abandoned ones are removed.
const PURGE_AT: usize = 256;

/// The call that the verifier caches.
#[async_trait]
trait TokenValidation: Send + Sync {
    async fn validate(
        &self,
        access_token: &str,
        proof: Option<&DpopProof>,
        audience: &str,
        scopes: &[&str],
    ) -> Result<Claims, AuthError>;
}

/// The invalidations of the cache.
trait Revocations: Send + Sync {
    fn cache_epoch(&self) -> Option<CacheEpoch>;
    fn is_revoked(&self, ids: RevocableIds<'_>) -> bool;
}

/// A result of auth-service, and the state of the revocation stream when its call began.
#[derive(Clone)]
struct CachedClaims {
    claims: Arc<Claims>,
    epoch: CacheEpoch,
}

/// A call in progress that several tasks wait for. It is dropped with the last of them.
type SharedCall = Shared<Call>;
type Call = BoxFuture<'static, Result<Arc<Claims>, AuthError>>;
type CallsInFlight = HashMap<(Fingerprint, CacheEpoch), WeakShared<Call>>;

/// Validates access tokens by [`AuthClient::validate`], and from its cache while the revocation stream is fresh. Clones share the
/// cache.
///
/// A result is cached until the token expires, and used only while the stream is connected, its last message is less than three
/// seconds old, and it has reported no revocation of the token, its login, its grant or its OAuth client, no other epoch and no
/// revoked signing key since.
#[derive(Clone)]
pub struct CachingTokenVerifier(Arc<Inner>);

struct Inner {
    auth: Arc<dyn TokenValidation>,
    revocations: Arc<dyn Revocations>,
    clock: Arc<dyn Clock>,
    cache: TwoGenerationCache<Fingerprint, CachedClaims>,
    in_flight: Mutex<CallsInFlight>,
}

impl CachingTokenVerifier {
    /// A verifier with an empty cache, which `revocations` invalidates.
    #[must_use]
    pub fn new(auth: AuthClient, revocations: RevocationWatcher, clock: Arc<dyn Clock>) -> Self {
        Self::with(Arc::new(auth), Arc::new(revocations), clock)
    }

    fn with(
        auth: Arc<dyn TokenValidation>,
        revocations: Arc<dyn Revocations>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self(Arc::new(Inner {
            auth,
            revocations,
            clock,
            cache: TwoGenerationCache::new(CAPACITY),
            in_flight: Mutex::default(),
        }))
    }

    /// The claims of a valid token for `audience`, or for the issuer's first audience where that is empty, that has all of `scopes`.
    /// A token that is bound to a key is never validated from the cache, as its proof is accepted once.
    pub async fn validate(
        &self,
        token: &str,
        proof: Option<&DpopProof>,
        audience: &str,
        scopes: &[&str],
    ) -> Result<Arc<Claims>, AuthError> {
        if token.len() > MAX_TOKEN {
            return Err(malformed());
        }
        let inner = &self.0;
        if proof.is_some() {
            let validated = inner.auth.validate(token, proof, audience, scopes).await;
            metrics::record(metrics::CALL, &validated);
            return inner.not_revoked(validated?);
        }
        let fingerprint = fingerprint(token, audience);
        let claims = if let Some(claims) = inner.cached(&fingerprint) {
            metrics::FROM_MEMORY.inc();
            claims
        } else {
            let (call, source) = self.shared_call(fingerprint, token, audience);
            let result = call.await;
            metrics::record(source, &result);
            result?
        };
        let has = |name: &str| claims.scope.split(' ').any(|one| one == name);
        if scopes.iter().copied().all(has) {
            Ok(claims)
        } else {
            Err(insufficient_scope())
        }
    }

    /// Joins the call for the same token, or starts one. A call that began under another state of the revocation stream is not
    /// joined, and none is joined while the stream is not fresh: its answer may be older than a revocation. Returns also which of both, as
    /// the metric names it.
    fn shared_call(
        &self,
        fingerprint: Fingerprint,
        token: &str,
        audience: &str,
    ) -> (SharedCall, &'static str) {
        let epoch = self.0.revocations.cache_epoch();
        let Some(epoch) = epoch else {
            let call = self.start_call((fingerprint, None), token, audience);
            return (call, metrics::CALL);
        };
        let key = (fingerprint, epoch);
        let mut in_flight = self.0.in_flight();
        if let Some(call) = in_flight.get(&key).and_then(WeakShared::upgrade) {
            return (call, metrics::SHARED);
        }
        if in_flight.len() >= PURGE_AT {
            in_flight.retain(|_, call| call.upgrade().is_some());
        }
        let call = self.start_call((fingerprint, Some(epoch)), token, audience);
        if let Some(weak) = call.downgrade() {
            in_flight.insert(key, weak);
        }
        (call, metrics::CALL)
    }

    fn start_call(
        &self,
        (fingerprint, epoch): (Fingerprint, Option<CacheEpoch>),
        token: &str,
        audience: &str,
    ) -> SharedCall {
        let inner = Arc::clone(&self.0);
        let (token, audience) = (token.to_owned(), audience.to_owned());
        let call = async move {
            let result = inner.call(fingerprint, epoch, &token, &audience).await;
            if let Some(epoch) = epoch {
                inner.in_flight().remove(&(fingerprint, epoch));
            }
            result
        };
        call.boxed().shared()
    }
}

impl Inner {
    /// A cached result that is still valid; one that is not is removed.
    fn cached(&self, fingerprint: &Fingerprint) -> Option<Arc<Claims>> {
        let epoch = self.revocations.cache_epoch()?;
        let cached = self.cache.get(fingerprint)?;
        let claims = cached.claims;
        let is_valid = cached.epoch == epoch
            && self.clock.now() < claims.expires_at
            && !self.revocations.is_revoked(RevocableIds::from(&*claims));
        if is_valid {
            Some(claims)
        } else {
            self.cache.remove(fingerprint);
            None
        }
    }

    async fn call(
        &self,
        fingerprint: Fingerprint,
        epoch: Option<CacheEpoch>,
        token: &str,
        audience: &str,
    ) -> Result<Arc<Claims>, AuthError> {
        // The answer counts as of before the call: the stream may report a revocation meanwhile that the answer does not reflect.
        let since = self.cache.clear_count();
        let claims = self.not_revoked(self.auth.validate(token, None, audience, &[]).await?)?;
        if let Some(epoch) = epoch {
            let claims = Arc::clone(&claims);
            let cached = CachedClaims { claims, epoch };
            self.cache.insert(since, fingerprint, cached);
        }
        Ok(claims)
    }

    /// A revocation that the stream reported stays, though an instance whose replica lags behind may answer that the token is valid.
    fn not_revoked(&self, claims: Claims) -> Result<Arc<Claims>, AuthError> {
        if self.revocations.is_revoked(RevocableIds::from(&claims)) {
            return Err(revoked());
        }
        Ok(Arc::new(claims))
    }

    fn in_flight(&self) -> MutexGuard<'_, CallsInFlight> {
        self.in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl TokenValidation for AuthClient {
    async fn validate(
        &self,
        access_token: &str,
        proof: Option<&DpopProof>,
        audience: &str,
        scopes: &[&str],
    ) -> Result<Claims, AuthError> {
        Self::validate(self, access_token, proof, audience, scopes).await
    }
}

impl Revocations for RevocationWatcher {
    fn cache_epoch(&self) -> Option<CacheEpoch> {
        Self::cache_epoch(self)
    }

    fn is_revoked(&self, ids: RevocableIds<'_>) -> bool {
        Self::is_revoked(self, ids)
    }
}

fn revoked() -> AuthError {
    AuthError::Refused(Refusal {
        kind: RefusalKind::Unauthenticated,
        reason: ErrorReason::TokenRevoked.into(),
        message: "the access token was revoked".to_owned(),
        dpop_nonce: None,
    })
}

fn malformed() -> AuthError {
    AuthError::Refused(Refusal {
        kind: RefusalKind::Unauthenticated,
        reason: ErrorReason::TokenMalformed.into(),
        message: "the access token is too long".to_owned(),
        dpop_nonce: None,
    })
}

fn insufficient_scope() -> AuthError {
    AuthError::Refused(Refusal {
        kind: RefusalKind::Forbidden,
        reason: ErrorReason::InsufficientScope.into(),
        message: "the access token lacks a required scope".to_owned(),
        dpop_nonce: None,
    })
}

#[cfg(test)]
mod tests;
