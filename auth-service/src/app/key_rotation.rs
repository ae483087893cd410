//! The signing keys of an installation, of several algorithms (ADR 46): creation, publication, rotation, revocation and deletion.

mod metrics;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use holdfast_core::{
    clock::Clock,
    rate_limited_log::LogRateLimiter,
    steady_clock::{MAX_STOP, SteadyClock},
};
use holdfast_crypto::{jwt::Jwts, key_ring::KeyRing, seal::Sealer, signing_key};
use holdfast_identity::{
    audit::{AuditEvent, AuditKind, AuditRecorder, AuditSubject},
    call_context::CallContext,
    error::Fault,
    key::{
        Algorithm, KeyAlgorithms, KeyRetention, KeyRotation, PUBLICATION_LEAD_TIME,
        StoredSigningKey, is_rotation_due, newest_start,
    },
    leeway::LEEWAY,
    store::Store,
};
use time::OffsetDateTime;
use tokio::{
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

pub(super) use self::metrics::register;
use crate::{app::leases, revocation_feed::RevocationFeed};

/// The time between two reads of the store, which finds keys that other instances or the command line created or revoked.
const REFRESH_INTERVAL: Duration = Duration::from_millis(200);

static FAULTS: LogRateLimiter = LogRateLimiter::new("signing_keys.refresh_failed");

/// Creates, rotates, revokes and deletes signing keys. Clones share the store.
#[derive(Clone)]
pub struct SigningKeys {
    store: Arc<dyn Store>,
    /// This instance, as the holder of a lease.
    instance: String,
    sealer: Arc<Sealer>,
    audit: AuditRecorder,
    clock: Arc<dyn Clock>,
    policy: KeyPolicy,
}

#[async_trait]
impl KeyRotation for SigningKeys {
    async fn rotate(&self, context: &CallContext) -> Result<Option<String>, Fault> {
        let rotated = Self::rotate(self, context).await;
        rotated.map_err(|error| Fault::Internal(format!("{error:#}")))
    }
}

/// The settings of signing keys.
#[derive(Clone, Debug)]
pub struct KeyPolicy {
    /// The algorithms of which keys are kept.
    pub algorithms: KeyAlgorithms,
    /// How long a key signs before it is rotated.
    pub max_age: Duration,
    /// The lifetime of access tokens, which no ID token exceeds; a key is published for at least as long after it has signed its last one.
    pub access_ttl: Duration,
}

impl SigningKeys {
    /// The signing keys in `store`, sealed by `sealer`. `instance` identifies the process.
    pub fn new(
        (store, instance): (Arc<dyn Store>, &str),
        sealer: Sealer,
        audit: AuditRecorder,
        clock: Arc<dyn Clock>,
        policy: KeyPolicy,
    ) -> Self {
        Self {
            store,
            instance: instance.to_owned(),
            sealer: Arc::new(sealer),
            audit,
            clock,
            policy,
        }
    }

    /// Opens the keys, and creates one of each algorithm of which there is none. Such a key signs at once, as nothing was signed by its
    /// algorithm before, unless it is that of access tokens and a key of another algorithm signs these: then it is published first.
    ///
    /// # Errors
    /// The store is unavailable, or a key cannot be opened with the key-encryption key.
    pub async fn open(&self) -> anyhow::Result<KeyRing> {
        let now = self.clock.now();
        let keys = self.store.signing_keys().await?;
        // A wrong key-encryption key is detected before anything is sealed with it.
        if let Some((name, sealed)) = self.store.any_secret_key().await? {
            self.sealer.open(&name, &sealed)?;
        }
        let missing = self.missing(&keys);
        let has_access_token_key = keys
            .iter()
            .any(|key| key.public_key.algorithm().is_for_access_tokens());
        if !keys.is_empty() {
            let ring = self.key_ring(keys)?;
            if missing.is_empty() {
                return Ok(ring);
            }
        }
        for algorithm in missing {
            let is_change =
                has_access_token_key && algorithm == self.policy.algorithms.access_tokens();
            let lead = if is_change {
                PUBLICATION_LEAD_TIME
            } else {
                Duration::ZERO
            };
            self.add(algorithm, now + lead, None, &[]).await?;
        }
        self.key_ring(self.store.signing_keys().await?)
    }

    /// The configured algorithms of which `keys` contain none.
    fn missing(&self, keys: &[StoredSigningKey]) -> Vec<Algorithm> {
        let all = self.policy.algorithms.iter();
        all.filter(|algorithm| newest_start(keys, *algorithm).is_none())
            .collect()
    }

    /// Publishes a new key of each algorithm, which signs [`PUBLICATION_LEAD_TIME`] later, when every verifier has it. Returns the `kid` of
    /// that of access tokens; `None`, and no key is published, if a key of these is published already that does not sign yet. An
    /// algorithm of ID tokens that has such a key gets no other one.
    ///
    /// # Errors
    /// The store is unavailable. A repetition publishes what is missing.
    pub async fn rotate(&self, context: &CallContext) -> anyhow::Result<Option<String>> {
        let now = self.clock.now();
        let keys = self.store.signing_keys().await?;
        let access_tokens = self.policy.algorithms.access_tokens();
        if newest_start(&keys, access_tokens).is_some_and(|signs_from| signs_from > now) {
            return Ok(None);
        }
        // That of access tokens is the last, since it makes another rotation wait.
        let algorithms: Vec<_> = self.policy.algorithms.iter().skip(1).collect();
        for algorithm in algorithms {
            self.rotate_at(algorithm, now, &[]).await?;
        }
        let events = [self.event(context, AuditKind::KeyRotated)];
        let kid = self.rotate_at(access_tokens, now, &events).await?;
        self.audit.committed(kid.is_some(), &events);
        Ok(kid)
    }

    fn event(&self, context: &CallContext, kind: AuditKind) -> AuditEvent {
        self.audit.event(context, kind, AuditSubject::default())
    }

    async fn rotate_at(
        &self,
        algorithm: Algorithm,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> anyhow::Result<Option<String>> {
        let latest = newest_start(&self.store.signing_keys().await?, algorithm);
        if latest.is_some_and(|signs_from| signs_from > now) {
            return Ok(None);
        }
        let signs_from = now + PUBLICATION_LEAD_TIME;
        self.add(algorithm, signs_from, latest, events).await
    }

    /// Revokes a key, and thereby all tokens that it signed. If no other key of its algorithm signs now, creates one that does. False if
    /// there is no such key.
    ///
    /// # Errors
    /// The store is unavailable.
    pub async fn revoke(&self, kid: &str, context: &CallContext) -> anyhow::Result<bool> {
        let now = self.clock.now();
        let tokens_expire_at = now + self.max_token_lifetime();
        let keys = self.store.signing_keys().await?;
        let key = keys.iter().find(|key| key.kid == kid);
        let events = [self.event(context, AuditKind::KeyRevoked)];
        let is_revoked = self
            .store
            .revoke_signing_key(kid, now, tokens_expire_at, &events)
            .await?;
        self.audit.committed(is_revoked, &events);
        if let (true, Some(key)) = (is_revoked, key) {
            self.replace_revoked(key.public_key.algorithm(), now)
                .await?;
        }
        Ok(is_revoked)
    }

    async fn replace_revoked(
        &self,
        algorithm: Algorithm,
        now: OffsetDateTime,
    ) -> anyhow::Result<()> {
        let mut remaining = self.store.signing_keys().await?;
        remaining.retain(|key| key.public_key.algorithm() == algorithm);
        let is_signing = remaining.iter().any(|key| key.signs_from <= now);
        if self.policy.algorithms.contains(algorithm) && !is_signing {
            let latest = newest_start(&remaining, algorithm);
            self.add(algorithm, now, latest, &[]).await?;
        }
        Ok(())
    }

    /// Keeps the key ring of `jwts` equal to the keys in the store that are not revoked by the memory of `feed`, and rotates and deletes
    /// those by age, until `shutdown`.
    pub async fn keep_current(
        self,
        (jwts, feed): (Arc<Jwts>, Arc<RevocationFeed>),
        steady: Arc<SteadyClock>,
        shutdown: CancellationToken,
    ) {
        let mut ticks = interval(REFRESH_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let configured_since = steady.now();
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = shutdown.cancelled() => return,
            }
            if let Err(error) = self
                .refresh((&jwts, &feed), configured_since, steady.now())
                .await
            {
                FAULTS.log(|times| {
                    tracing::error!(
                        event = "signing_keys.refresh_failed",
                        %error,
                        times,
                        "signing key refresh failed; keeping the current keys"
                    );
                });
            }
        }
    }

    /// Rotates and deletes keys by their age at `now`, by the steady clock. By a system clock that leaps and returns, a key would be
    /// published that signs in the far future, and would prevent the next rotation until then.
    async fn refresh(
        &self,
        (jwts, feed): (&Jwts, &RevocationFeed),
        configured_since: OffsetDateTime,
        now: OffsetDateTime,
    ) -> anyhow::Result<()> {
        let mut keys = self.unrevoked(feed).await?;
        let missing = self.missing(&keys);
        if !missing.is_empty() {
            // Also by an instance without the lease: until another key signs, the revoked one stays in use.
            if let Err(error) = self.replace_missing(missing).await {
                if !keys.is_empty() {
                    self.use_keys(jwts, keys)?;
                }
                return Err(error);
            }
            keys = self.unrevoked(feed).await?;
        }
        if self.rotate_and_delete(&keys, configured_since, now).await? {
            keys = self.unrevoked(feed).await?;
        }
        metrics::record(&keys, &self.policy.algorithms, self.policy.max_age);
        self.use_keys(jwts, keys)
    }

    fn use_keys(&self, jwts: &Jwts, keys: Vec<StoredSigningKey>) -> anyhow::Result<()> {
        if !jwts.has(&keys) {
            jwts.replace(self.key_ring(keys)?);
            tracing::info!(event = "signing_keys.changed", "signing keys changed");
        }
        Ok(())
    }

    /// Creates keys that sign at once of algorithms whose keys were all revoked.
    async fn replace_missing(&self, algorithms: Vec<Algorithm>) -> anyhow::Result<()> {
        let stored = self.store.signing_keys().await?;
        for algorithm in algorithms {
            let latest = newest_start(&stored, algorithm);
            self.add(algorithm, self.clock.now(), latest, &[]).await?;
        }
        Ok(())
    }

    /// Rotates and deletes those of `keys` that are due, if this instance holds the lease. Returns whether it did anything.
    async fn rotate_and_delete(
        &self,
        keys: &[StoredSigningKey],
        configured_since: OffsetDateTime,
        now: OffsetDateTime,
    ) -> anyhow::Result<bool> {
        let KeyPolicy {
            algorithms,
            max_age,
            ..
        } = &self.policy;
        let retention = KeyRetention {
            algorithms,
            configured_since,
            max_token_life: self.max_token_lifetime(),
        };
        let expired = retention.expired(keys, now);
        let is_due = |algorithm: &_| is_rotation_due(keys, *algorithm, *max_age, now);
        let due: Vec<_> = algorithms.iter().filter(is_due).collect();
        if (due.is_empty() && expired.is_empty()) || !self.holds_lease().await? {
            return Ok(false);
        }
        for key in expired {
            self.store.remove_signing_key(&key.kid).await?;
            tracing::info!(
                event = "signing_key.deleted",
                kid = key.kid,
                "signing key deleted; all of its tokens have expired"
            );
        }
        // After a stop the system clock is right and ahead of the steady clock; after a leap it may show any time.
        let clock = self.clock.now().min(now + MAX_STOP);
        for algorithm in due {
            self.rotate_at(algorithm, clock, &[]).await?;
        }
        Ok(true)
    }

    /// The keys in the store, of which a promoted server may have one that was revoked.
    async fn unrevoked(&self, feed: &RevocationFeed) -> anyhow::Result<Vec<StoredSigningKey>> {
        let mut keys = self.store.signing_keys().await?;
        keys.retain(|key| !feed.is_key_revoked(&key.kid));
        Ok(keys)
    }

    /// Whether this instance is the one that rotates and deletes keys.
    async fn holds_lease(&self) -> anyhow::Result<bool> {
        let lease = leases::SIGNING_KEYS.acquire(&*self.store, &self.instance);
        Ok(lease.await?)
    }

    /// Creates a key that signs from `signs_from`. `latest`: the time from which the newest key of the algorithm signs; returns `None` if
    /// another instance has added a newer one meanwhile.
    async fn add(
        &self,
        algorithm: Algorithm,
        signs_from: OffsetDateTime,
        latest: Option<OffsetDateTime>,
        events: &[AuditEvent],
    ) -> anyhow::Result<Option<String>> {
        let (sealer, now) = (self.sealer.clone(), self.clock.now());
        // An RSA key takes the time of many requests.
        let generate =
            spawn_blocking(move || signing_key::generate(algorithm, &sealer, now, signs_from));
        let key = generate.await??;
        let is_inserted = self.store.insert_signing_key(&key, latest, events);
        if !is_inserted.await? {
            return Ok(None);
        }
        tracing::info!(
            event = "signing_key.created",
            kid = key.kid,
            %algorithm,
            %signs_from,
            "signing key created"
        );
        Ok(Some(key.kid))
    }

    fn key_ring(&self, keys: Vec<StoredSigningKey>) -> anyhow::Result<KeyRing> {
        Ok(KeyRing::open(
            keys,
            self.policy.algorithms.access_tokens(),
            &self.sealer,
        )?)
    }

    /// The longest time from the signature of a token until every verifier rejects it as expired.
    fn max_token_lifetime(&self) -> Duration {
        self.policy.access_ttl + LEEWAY * 2
    }
}
