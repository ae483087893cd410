//! The signing keys of an installation: creation, publication, rotation, revocation and deletion.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

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
        Algorithm, KeyRotation, PUBLICATION_LEAD_TIME, StoredSigningKey, expired_keys,
        is_rotation_due,
    },
    leeway::LEEWAY,
    store::Store,
};
use holdfast_metrics::{GaugeOf, Registry, real};
use time::OffsetDateTime;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::{app::leases, revocation_feed::RevocationFeed};

/// The time between two reads of the store, which finds keys that other instances or the command line created or revoked.
const REFRESH_INTERVAL: Duration = Duration::from_millis(200);

/// Seconds since 1970; 0 before the keys were read.
static SIGNING_SINCE: AtomicI64 = AtomicI64::new(0);
static ROTATION_AT: AtomicI64 = AtomicI64::new(0);

/// Adds the ages of the signing keys to a registry.
pub(super) fn register(registry: &mut Registry) {
    let mut gauge = |name, help, time: &'static AtomicI64| {
        GaugeOf::register(registry, name, help, || {
            let seconds = time.load(Ordering::Relaxed).unsigned_abs();
            (seconds > 0).then(|| real(seconds))
        });
    };
    gauge(
        "signing_key_start_timestamp_seconds",
        "Time from which on the newest signing key signs, in seconds since 1970",
        &SIGNING_SINCE,
    );
    gauge(
        "signing_key_rotation_timestamp_seconds",
        "Time at which the next signing key is due, in seconds since 1970",
        &ROTATION_AT,
    );
}

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
#[derive(Clone, Copy, Debug)]
pub struct KeyPolicy {
    /// The algorithm that signs new tokens.
    pub algorithm: Algorithm,
    /// How long a key signs before it is rotated.
    pub max_age: Duration,
    /// The lifetime of access tokens; a key is published for at least as long after it has signed its last one.
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

    /// Opens the keys. Without any, creates one that signs at once; without one of the configured algorithm, publishes one that will sign.
    ///
    /// # Errors
    /// The store is unavailable, or a key cannot be opened with the key-encryption key.
    pub async fn open(&self) -> anyhow::Result<Jwts> {
        let now = self.clock.now();
        let mut keys = self.store.signing_keys().await?;
        // A wrong key-encryption key is detected before anything is sealed with it.
        if let Some((name, sealed)) = self.store.any_secret_key().await? {
            self.sealer.open(&name, &sealed)?;
        }
        if keys.is_empty() {
            self.add(now, None, &[]).await?;
            keys = self.store.signing_keys().await?;
        }
        let has_own = self.of_algorithm(&keys).next().is_some();
        let ring = self.key_ring(keys)?;
        if has_own {
            return Ok(Jwts::new(ring));
        }
        self.add(now + PUBLICATION_LEAD_TIME, None, &[]).await?;
        Ok(Jwts::new(self.key_ring(self.store.signing_keys().await?)?))
    }

    /// Publishes a new key, which signs [`PUBLICATION_LEAD_TIME`] later, when every verifier has it. Returns its `kid`; `None` if a key is
    /// published already that does not sign yet.
    ///
    /// # Errors
    /// The store is unavailable.
    pub async fn rotate(&self, context: &CallContext) -> anyhow::Result<Option<String>> {
        let events = [self.event(context, AuditKind::KeyRotated)];
        let kid = self.rotate_at(self.clock.now(), &events).await?;
        self.audit.committed(kid.is_some(), &events);
        Ok(kid)
    }

    fn event(&self, context: &CallContext, kind: AuditKind) -> AuditEvent {
        self.audit.event(context, kind, AuditSubject::default())
    }

    async fn rotate_at(
        &self,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> anyhow::Result<Option<String>> {
        let keys = self.store.signing_keys().await?;
        let latest = self.of_algorithm(&keys).last().map(|key| key.signs_from);
        if latest.is_some_and(|signs_from| signs_from > now) {
            return Ok(None);
        }
        self.add(now + PUBLICATION_LEAD_TIME, latest, events).await
    }

    /// Revokes a key, and thereby all tokens that it signed. If no other key signs now, creates one that does. False if there is no such
    /// key.
    ///
    /// # Errors
    /// The store is unavailable.
    pub async fn revoke(&self, kid: &str, context: &CallContext) -> anyhow::Result<bool> {
        let now = self.clock.now();
        let tokens_expire_at = now + self.max_token_lifetime();
        let events = [self.event(context, AuditKind::KeyRevoked)];
        let is_revoked = self
            .store
            .revoke_signing_key(kid, now, tokens_expire_at, &events)
            .await?;
        self.audit.committed(is_revoked, &events);
        if !is_revoked {
            return Ok(false);
        }
        let remaining = self.store.signing_keys().await?;
        if !remaining.iter().any(|key| key.signs_from <= now) {
            self.add(now, None, &[]).await?;
        }
        Ok(true)
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
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = shutdown.cancelled() => return,
            }
            if let Err(error) = self.refresh((&jwts, &feed), steady.now()).await {
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

    /// Rotates and deletes keys by their age at `now`, the time of the steady clock. By a system clock that leaps and returns, a key would be
    /// published that signs in the far future, and would prevent the next rotation until then.
    async fn refresh(
        &self,
        (jwts, feed): (&Jwts, &RevocationFeed),
        now: OffsetDateTime,
    ) -> anyhow::Result<()> {
        let mut keys = self.unrevoked(feed).await?;
        if keys.is_empty() {
            // Also by an instance without the lease: until another key signs, the revoked one stays in use.
            let stored = self.store.signing_keys().await?;
            let latest = self.of_algorithm(&stored).map(|key| key.signs_from).max();
            self.add(self.clock.now(), latest, &[]).await?;
            keys = self.unrevoked(feed).await?;
        }
        let mut has_changed = false;
        let lifetime = self.max_token_lifetime();
        let mut expired = expired_keys(&keys, self.policy.algorithm, lifetime, now);
        let mut is_due = is_rotation_due(&keys, self.policy.algorithm, self.policy.max_age, now);
        if (is_due || !expired.is_empty()) && !self.holds_lease().await? {
            expired.clear();
            is_due = false;
        }
        for key in expired {
            self.store.remove_signing_key(&key.kid).await?;
            has_changed = true;
            tracing::info!(
                event = "signing_key.deleted",
                kid = key.kid,
                "signing key deleted; all of its tokens have expired"
            );
        }
        if is_due {
            // After a stop the system clock is right and ahead of the steady clock; after a leap it may show any time.
            let clock = self.clock.now().min(now + MAX_STOP);
            self.rotate_at(clock, &[]).await?;
            has_changed = true;
        }
        if has_changed {
            keys = self.unrevoked(feed).await?;
        }
        self.measure(&keys);
        if !jwts.has(&keys) {
            jwts.replace(self.key_ring(keys)?);
            tracing::info!(event = "signing_keys.changed", "signing keys changed");
        }
        Ok(())
    }

    /// The keys in the store, of which a promoted server may have one that was revoked.
    async fn unrevoked(&self, feed: &RevocationFeed) -> anyhow::Result<Vec<StoredSigningKey>> {
        let mut keys = self.store.signing_keys().await?;
        keys.retain(|key| !feed.is_key_revoked(&key.kid));
        Ok(keys)
    }

    fn measure(&self, keys: &[StoredSigningKey]) {
        if let Some(newest) = self.of_algorithm(keys).map(|key| key.signs_from).max() {
            SIGNING_SINCE.store(newest.unix_timestamp(), Ordering::Relaxed);
            let rotation = newest + self.policy.max_age;
            ROTATION_AT.store(rotation.unix_timestamp(), Ordering::Relaxed);
        }
    }

    /// Whether this instance is the one that rotates and deletes keys.
    async fn holds_lease(&self) -> anyhow::Result<bool> {
        let lease = leases::SIGNING_KEYS.acquire(&*self.store, &self.instance);
        Ok(lease.await?)
    }

    /// The keys of the configured algorithm.
    fn of_algorithm<'a>(
        &self,
        keys: &'a [StoredSigningKey],
    ) -> impl Iterator<Item = &'a StoredSigningKey> + use<'a> {
        let algorithm = self.policy.algorithm;
        keys.iter()
            .filter(move |key| key.public_key.algorithm() == algorithm)
    }

    /// Creates a key that signs from `signs_from`. `latest`: the time from which the newest key signs; returns `None` if another instance
    /// has added a newer one meanwhile.
    async fn add(
        &self,
        signs_from: OffsetDateTime,
        latest: Option<OffsetDateTime>,
        events: &[AuditEvent],
    ) -> anyhow::Result<Option<String>> {
        let (algorithm, now) = (self.policy.algorithm, self.clock.now());
        let key = signing_key::generate(algorithm, &self.sealer, now, signs_from)?;
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
        Ok(KeyRing::open(keys, self.policy.algorithm, &self.sealer)?)
    }

    /// The longest time from the signature of a token until every verifier rejects it as expired.
    fn max_token_lifetime(&self) -> Duration {
        self.policy.access_ttl + LEEWAY * 2
    }
}
