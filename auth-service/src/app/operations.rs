//! The operations of the service, with the implementations of their ports.

use std::sync::Arc;

use holdfast_core::{
    clock::Clock,
    replay_cache::{InMemoryReplayCache, ReplayCache},
};
use holdfast_crypto::{
    argon2id::Argon2id, attempt::AttemptSealer, authorization::AuthorizationSealer,
    client_authentication::ClientAuthenticator, dpop::Dpop, jwt::Jwts, keyed_hash::HmacKeyedHasher,
    passkeys::WebauthnCeremonies, random::SystemRandom, refresh_token::RefreshTokenKey,
    seal::Sealer, subject_ids::SubjectIdKey, totp::TotpSealer,
};
use holdfast_identity::{
    account::Accounts,
    audit::AuditRecorder,
    authentication::{RateLimitCounters, SecondFactorPolicy},
    dependencies::Dependencies,
    key::Algorithm,
    oauth::{ClientDocuments, DocumentClients, OauthClients},
    policy::Policy,
    services::IdentityServices,
    store::Store,
};
use holdfast_webauthn::RelyingParty;

use crate::{
    app::operation_counters::OperationCounters,
    app::secrets::Secrets,
    config::HashingConfig,
    revocation_feed::RevocationFeed,
    storage::{
        counters::{memory::InMemoryCounters, redis::RedisCounters},
        redis::Redis,
        replay_cache::RedisReplayCache,
    },
};

/// Maximum number of used DPoP proofs and client assertions that one process keeps in memory.
const REPLAY_CAPACITY: usize = 500_000;

/// What the operations work on.
pub(super) struct Resources {
    pub(super) store: Arc<dyn Store>,
    pub(super) feed: Arc<RevocationFeed>,
    pub(super) jwts: Arc<Jwts>,
    pub(super) subject_ids: Arc<SubjectIdKey>,
    /// Algorithms that ID tokens are signed with.
    pub(super) id_token_algorithms: Vec<Algorithm>,
    /// `None`: attempts and used proofs are kept in the memory of this process.
    pub(super) redis: Option<Redis>,
    pub(super) secrets: Secrets,
    /// Seals the secrets of one-time codes.
    pub(super) sealer: Sealer,
    /// `None`: passkeys are not used.
    pub(super) passkeys: Option<RelyingParty>,
    /// `None`: the metadata that OAuth clients publish is not used.
    pub(super) documents: Option<Arc<dyn ClientDocuments>>,
    pub(super) audit: AuditRecorder,
    pub(super) clock: Arc<dyn Clock>,
}

/// The operations on logins and tokens, accounts, and OAuth clients.
pub(super) struct Operations {
    pub(super) identity: IdentityServices,
    pub(super) accounts: Accounts,
    pub(super) clients: OauthClients,
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
            subject_ids,
            id_token_algorithms,
            redis,
            secrets,
            sealer,
            passkeys,
            documents,
            audit,
            clock,
        } = resources;
        let random = Arc::new(SystemRandom);
        let HashingConfig { cost, threads } = hashing;
        let hasher = Arc::new(Argon2id::start(cost, threads, random.clone())?);
        let client_credentials = Arc::new(ClientAuthenticator::new(random.clone()));
        let clients = OauthClients {
            store: store.clone(),
            revocations: feed.clone(),
            credentials: client_credentials.clone(),
            audit: audit.clone(),
            clock: clock.clone(),
            audiences: policy.audiences.clone(),
            id_token_algorithms,
        };
        let dependencies = Dependencies {
            store,
            revocations: feed,
            hasher,
            access_tokens: jwts.clone(),
            id_tokens: jwts,
            subject_ids,
            authorizations: Arc::new(AuthorizationSealer::new(&secrets.authorizations)),
            client_credentials,
            counters: attempt_counters(redis.clone(), clock.clone()),
            dpop_proofs: Arc::new(Dpop::new(&secrets.nonces)),
            replay_cache: replay_cache(redis, clock.clone()),
            attempts: Arc::new(AttemptSealer::new(&secrets.attempts)),
            keyed_hasher: Arc::new(HmacKeyedHasher::new(&secrets.keyed_hashes)),
            refresh_tokens: Arc::new(RefreshTokenKey::new(&secrets.refresh_tokens)),
            totp: Arc::new(TotpSealer::new(sealer)),
            passkeys: passkeys.map(|party| Arc::new(WebauthnCeremonies::new(party)) as _),
            audit,
            observer: Arc::new(OperationCounters),
            clock,
            random,
        };
        let documents = DocumentClients {
            clients: clients.clone(),
            documents,
        };
        Ok(Self {
            accounts: accounts(&dependencies, policy.second_factor),
            identity: IdentityServices::new(dependencies, policy, documents),
            clients,
        })
    }
}

fn accounts(dependencies: &Dependencies, second_factor: SecondFactorPolicy) -> Accounts {
    Accounts {
        store: dependencies.store.clone(),
        revocations: dependencies.revocations.clone(),
        hasher: dependencies.hasher.clone(),
        audit: dependencies.audit.clone(),
        clock: dependencies.clock.clone(),
        random: dependencies.random.clone(),
        second_factor,
    }
}

fn attempt_counters(redis: Option<Redis>, clock: Arc<dyn Clock>) -> Arc<dyn RateLimitCounters> {
    match redis {
        Some(redis) => Arc::new(RedisCounters::new(redis, clock)),
        None => Arc::new(InMemoryCounters::new(clock)),
    }
}

fn replay_cache(redis: Option<Redis>, clock: Arc<dyn Clock>) -> Arc<dyn ReplayCache> {
    match redis {
        Some(redis) => Arc::new(RedisReplayCache::new(redis)),
        None => Arc::new(InMemoryReplayCache::new(clock, REPLAY_CAPACITY)),
    }
}
