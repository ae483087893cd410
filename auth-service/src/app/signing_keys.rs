//! The life of signing keys: made, published, signing, only verifying, gone.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use holdfast_core::{
    clock::Clock,
    rate_limited_log::LogRateLimiter,
    steady_clock::{LONGEST_STOP, SteadyClock},
};
use holdfast_crypto::{jwt::Jwts, key_ring::KeyRing, seal::Sealer, signing_key};
use holdfast_identity::{
    error::Fault,
    key::{Algorithm, PUBLISHED_BEFORE, StoredSigningKey, outlived},
    store::KeyRotation,
    token::LEEWAY,
};
use holdfast_store_sqlite::SqliteStore;
use time::OffsetDateTime;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How often the store is asked for keys that others made or revoked, such as the command line.
const INTERVAL: Duration = Duration::from_millis(200);

static FAULTS: LogRateLimiter = LogRateLimiter::new();

/// Makes, replaces and removes signing keys.
#[derive(Clone)]
pub struct SigningKeys {
    store: SqliteStore,
    sealer: Arc<Sealer>,
    clock: Arc<dyn Clock>,
    policy: KeyPolicy,
}

#[async_trait]
impl KeyRotation for SigningKeys {
    async fn rotate(&self) -> Result<Option<String>, Fault> {
        let rotated = Self::rotate(self).await;
        rotated.map_err(|error| Fault::Internal(format!("{error:#}")))
    }
}

/// What an operator decides of keys.
#[derive(Clone, Copy, Debug)]
pub struct KeyPolicy {
    /// What signs new tokens.
    pub algorithm: Algorithm,
    /// How long a key signs before another one takes its place.
    pub max_age: Duration,
    /// How long an access token is valid.
    pub access_ttl: Duration,
}

impl SigningKeys {
    /// Puts the parts together.
    pub fn new(
        store: SqliteStore,
        sealer: Sealer,
        clock: Arc<dyn Clock>,
        policy: KeyPolicy,
    ) -> Self {
        Self {
            store,
            sealer: Arc::new(sealer),
            clock,
            policy,
        }
    }

    /// The keys to begin with; makes one that signs at once where there is none.
    ///
    /// # Errors
    /// When the database fails or a key does not open.
    pub async fn open(&self) -> anyhow::Result<Jwts> {
        let now = self.clock.now();
        let keys = self.store.signing_keys().await?;
        // A wrong key-encryption key is found before anything is sealed with it.
        if let Some((name, sealed)) = self.store.any_secret_key().await? {
            self.sealer.open(&name, &sealed)?;
        }
        if keys.is_empty() {
            self.add(now, None).await?;
        } else {
            self.ring(keys)?;
        }
        if self.of_algorithm().await?.is_empty() {
            self.add(now + PUBLISHED_BEFORE, None).await?;
        }
        Ok(Jwts::new(self.ring(self.store.signing_keys().await?)?))
    }

    /// Publishes a new key, which signs once everybody can know it. Gives its `kid`, or `None` when another one is on its way
    /// already.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rotate(&self) -> anyhow::Result<Option<String>> {
        self.rotate_at(self.clock.now()).await
    }

    async fn rotate_at(&self, now: OffsetDateTime) -> anyhow::Result<Option<String>> {
        let keys = self.of_algorithm().await?;
        let latest = keys.last().map(|key| key.signs_from);
        if latest.is_some_and(|signs_from| signs_from > now) {
            return Ok(None);
        }
        self.add(now + PUBLISHED_BEFORE, latest).await
    }

    /// Revokes a key: its tokens die at once, everywhere. Where no other one signs now, a new one does. False if there is no
    /// such key.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke(&self, kid: &str) -> anyhow::Result<bool> {
        let now = self.clock.now();
        let dead_at = now + self.longest_life();
        if !self.store.revoke_signing_key(kid, now, dead_at).await? {
            return Ok(false);
        }
        let left = self.store.signing_keys().await?;
        if !left.iter().any(|key| key.signs_from <= now) {
            self.add(now, None).await?;
        }
        Ok(true)
    }

    /// Keeps `jwts` in step with the store, and the store's keys young, until `shutdown`.
    pub async fn keep_current(
        self,
        jwts: Arc<Jwts>,
        steady: Arc<SteadyClock>,
        shutdown: CancellationToken,
    ) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = shutdown.cancelled() => return,
            }
            if let Err(error) = self.look_after(&jwts, steady.now()).await {
                FAULTS.log(|times| {
                    tracing::error!(%error, times, "signing keys cannot be looked after; the known ones stay in use");
                });
            }
        }
    }

    /// What is old at `now` is replaced and removed: a clock that leaps and comes back would leave a key behind that signs in the far
    /// future, and hold up the next one until then.
    async fn look_after(&self, jwts: &Jwts, now: OffsetDateTime) -> anyhow::Result<()> {
        let keys = self.store.signing_keys().await?;
        for key in outlived(&keys, self.policy.algorithm, self.longest_life(), now) {
            self.store.remove_signing_key(&key.kid).await?;
            tracing::info!(kid = key.kid, "a signing key is not needed any more");
        }
        if self.is_due(&keys, now) {
            // After a stop the clock is right and ahead of the time that is believed; after a leap it may be anything.
            let clock = self.clock.now().min(now + LONGEST_STOP);
            self.rotate_at(clock).await?;
        }
        let keys = self.store.signing_keys().await?;
        if !jwts.has(&keys) {
            jwts.replace(self.ring(keys)?);
            tracing::info!("signing keys changed");
        }
        Ok(())
    }

    fn is_due(&self, keys: &[StoredSigningKey], now: OffsetDateTime) -> bool {
        let own = keys
            .iter()
            .filter(|key| key.public_key.algorithm() == self.policy.algorithm);
        let newest = own.map(|key| key.signs_from).max();
        newest.is_none_or(|signs_from| now >= signs_from + self.policy.max_age)
    }

    async fn of_algorithm(&self) -> anyhow::Result<Vec<StoredSigningKey>> {
        let mut keys = self.store.signing_keys().await?;
        keys.retain(|key| key.public_key.algorithm() == self.policy.algorithm);
        Ok(keys)
    }

    async fn add(
        &self,
        signs_from: OffsetDateTime,
        latest: Option<OffsetDateTime>,
    ) -> anyhow::Result<Option<String>> {
        let (algorithm, now) = (self.policy.algorithm, self.clock.now());
        let key = signing_key::generate(algorithm, &self.sealer, now, signs_from)?;
        if !self.store.insert_signing_key(&key, latest).await? {
            return Ok(None);
        }
        tracing::info!(kid = key.kid, %algorithm, %signs_from, "made a signing key");
        Ok(Some(key.kid))
    }

    fn ring(&self, keys: Vec<StoredSigningKey>) -> anyhow::Result<KeyRing> {
        Ok(KeyRing::open(keys, self.policy.algorithm, &self.sealer)?)
    }

    /// Of a token, as long as anybody takes it.
    fn longest_life(&self) -> Duration {
        self.policy.access_ttl + LEEWAY * 2
    }
}
