//! The ports that the services need, as one set.

use std::sync::Arc;

use holdfast_core::{clock::Clock, random::Random, replay_cache::ReplayCache};

use crate::{
    account::PasswordHasher,
    audit::AuditRecorder,
    authentication::{
        AttemptCodec, CountedIn, Counter, KeyedHasher, PasskeyCeremonies, RateLimitCounters,
        Throttled, TotpCodec,
    },
    oauth::{AuthorizationCodec, ClientCredentialVerifier, DpopCodec, SubjectIdCodec},
    observer::{Observer, RateLimited},
    revocation::RevocationCache,
    store::Store,
    token::{AccessTokens, IdTokens, RefreshTokenCodec},
};

/// Implementations of the ports. Cloning it clones references.
#[derive(Clone)]
pub struct Dependencies {
    /// Accounts, logins, OAuth clients and the revocation log.
    pub store: Arc<dyn Store>,
    /// Revocations that this instance holds in memory.
    pub revocations: Arc<dyn RevocationCache>,
    /// Hashes and verifies passwords.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Counters of the rate limits.
    pub counters: Arc<dyn RateLimitCounters>,
    /// Computes the keys of counters, known locations and replay cache entries.
    pub keyed_hasher: Arc<dyn KeyedHasher>,
    /// Signs and verifies access tokens.
    pub access_tokens: Arc<dyn AccessTokens>,
    /// Encodes and decodes login tickets and refresh tokens.
    pub refresh_tokens: Arc<dyn RefreshTokenCodec>,
    /// Computes `sub` and `sid` of tokens.
    pub subject_ids: Arc<dyn SubjectIdCodec>,
    /// Signs and verifies ID tokens.
    pub id_tokens: Arc<dyn IdTokens>,
    /// Seals and opens authorization codes, and the state of authorization requests.
    pub authorizations: Arc<dyn AuthorizationCodec>,
    /// Seals and opens authentication attempts.
    pub attempts: Arc<dyn AttemptCodec>,
    /// Computes one-time codes, and seals their secrets.
    pub totp: Arc<dyn TotpCodec>,
    /// The ceremonies of passkeys; `None` where they are not used.
    pub passkeys: Option<Arc<dyn PasskeyCeremonies>>,
    /// Verifies secrets and assertions of OAuth clients.
    pub client_credentials: Arc<dyn ClientCredentialVerifier>,
    /// Decodes DPoP proofs and makes nonces for them.
    pub dpop_proofs: Arc<dyn DpopCodec>,
    /// DPoP proofs and client assertions that were used.
    pub replay_cache: Arc<dyn ReplayCache>,
    /// Writes the audit events of operations.
    pub audit: AuditRecorder,
    /// Measures operations.
    pub observer: Arc<dyn Observer>,
    /// The system clock.
    pub clock: Arc<dyn Clock>,
    /// Source of identifiers.
    pub random: Arc<dyn Random>,
}

impl Dependencies {
    /// Adds one to every counter of an operation, unless one of them refuses it.
    pub(crate) async fn count(
        &self,
        operation: RateLimited,
        counters: &[Counter],
    ) -> Result<CountedIn, Throttled> {
        let counted = self.counters.count(counters).await;
        self.observer.rate_limited(operation, counted.is_err());
        counted
    }
}
