//! The operations of the service, with the implementations of their ports.

use std::sync::Arc;

use holdfast_core::clock::Clock;
use holdfast_crypto::{
    argon2id::Argon2id, client_authentication::ClientAuthenticator, dpop::Dpop, jwt::Jwts,
    keyed_hash::HmacKeyedHasher, random::SystemRandom, refresh_token::RefreshTokenKey,
};
use holdfast_identity::{
    account::Accounts,
    authentication::AttemptCounters,
    oauth::{Clients, ReplayCache},
    service::{Dependencies, IdentityService, Policy},
};
use holdfast_store_sqlite::SqliteStore;

use crate::{
    app::secrets::Secrets,
    config::HashingConfig,
    revocation_feed::RevocationFeed,
    storage::{
        counters::{memory::InMemoryAttemptCounters, redis::RedisAttemptCounters},
        redis::Redis,
        replay_cache::{memory::InMemoryReplayCache, redis::RedisReplayCache},
    },
};

/// What the operations work on.
pub(super) struct Resources {
    pub(super) store: SqliteStore,
    pub(super) feed: Arc<RevocationFeed>,
    pub(super) jwts: Arc<Jwts>,
    /// `None`: attempts and used proofs are kept in the memory of this process.
    pub(super) redis: Option<Redis>,
    pub(super) secrets: Secrets,
    pub(super) clock: Arc<dyn Clock>,
}

/// The operations on logins and tokens, accounts, and OAuth clients.
pub(super) struct Operations {
    pub(super) identity: IdentityService,
    pub(super) accounts: Accounts,
    pub(super) clients: Clients,
}

impl Operations {
    /// Starts the threads that hash passwords.
    pub(super) fn new(
        resources: Resources,
        hashing: HashingConfig,
        policy: Policy,
    ) -> anyhow::Result<Self> {
        let Resources {
            store,
            feed,
            jwts,
            redis,
            secrets,
            clock,
        } = resources;
        let (store, random) = (Arc::new(store), Arc::new(SystemRandom));
        let HashingConfig { params, threads } = hashing;
        let hasher = Arc::new(Argon2id::start(params, threads, random.clone())?);
        let client_proofs = Arc::new(ClientAuthenticator::new(random.clone()));
        let accounts = Accounts::new(
            store.clone(),
            feed.clone(),
            hasher.clone(),
            clock.clone(),
            random.clone(),
        );
        let clients = Clients {
            store: store.clone(),
            revocations: feed.clone(),
            proofs: client_proofs.clone(),
            clock: clock.clone(),
            audiences: policy.audiences.clone(),
        };
        let dependencies = Dependencies {
            store,
            revocations: feed,
            hasher,
            tokens: jwts,
            client_proofs,
            counters: attempt_counters(redis.clone(), clock.clone()),
            dpop_proofs: Arc::new(Dpop::new(&secrets.nonces)),
            replay_cache: replay_cache(redis, clock.clone()),
            keyed_hasher: Arc::new(HmacKeyedHasher::new(&secrets.keyed_hashes)),
            credentials: Arc::new(RefreshTokenKey::new(&secrets.refresh_tokens)),
            clock,
            random,
        };
        Ok(Self {
            identity: IdentityService::new(dependencies, policy),
            accounts,
            clients,
        })
    }
}

fn attempt_counters(redis: Option<Redis>, clock: Arc<dyn Clock>) -> Arc<dyn AttemptCounters> {
    match redis {
        Some(redis) => Arc::new(RedisAttemptCounters::new(redis, clock)),
        None => Arc::new(InMemoryAttemptCounters::new(clock)),
    }
}

fn replay_cache(redis: Option<Redis>, clock: Arc<dyn Clock>) -> Arc<dyn ReplayCache> {
    match redis {
        Some(redis) => Arc::new(RedisReplayCache::new(redis)),
        None => Arc::new(InMemoryReplayCache::new(clock)),
    }
}
