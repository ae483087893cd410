//! The authority over logins and tokens: it alone starts, continues, judges and ends them.

use std::{sync::Arc, time::Duration};

use holdfast_core::{clock::Clock, random::Random};

use crate::{
    authentication::{AttemptCounters, KeyedHasher},
    oauth::{ClientProofs, Dpop, DpopProofs, ReplayCache},
    store::{AccessTokens, PasswordHasher, RefreshTokenCodec, RevocationMemory, Store},
    token::is_spelling_of,
};

/// Names and times that an operator sets.
#[derive(Clone, Debug)]
pub struct Policy {
    /// `iss` of every access token.
    pub issuer: String,
    /// Who may be named as `aud`; the first one where nobody is named.
    pub audiences: Vec<String>,
    /// How long an access token is valid.
    pub access_ttl: Duration,
    /// How long an unused refresh token is good.
    pub refresh_ttl: Duration,
    /// When a login ends at the latest.
    pub login_ttl: Duration,
    /// How old the proof of who somebody is may be for a sensitive act.
    pub step_up_max_age: Duration,
    /// Whether tokens are bound to keys.
    pub dpop: Dpop,
}

impl Policy {
    pub(crate) fn default_audience(&self) -> &str {
        self.audiences.first().map_or(&self.issuer, String::as_str)
    }

    /// An audience, or the issuer in its normal form where it is another spelling of that.
    pub(crate) fn canonical<'a>(&'a self, name: &'a str) -> &'a str {
        if is_spelling_of(&self.issuer, name) {
            &self.issuer
        } else {
            name
        }
    }
}

/// What the authority needs from outside.
#[derive(Clone)]
pub struct Dependencies {
    /// Accounts and logins.
    pub store: Arc<dyn Store>,
    /// What has ended, in memory.
    pub revocations: Arc<dyn RevocationMemory>,
    /// Password checks.
    pub hasher: Arc<dyn PasswordHasher>,
    /// How often it was tried.
    pub counters: Arc<dyn AttemptCounters>,
    /// Under what name that is counted.
    pub keyed_hasher: Arc<dyn KeyedHasher>,
    /// Access tokens.
    pub tokens: Arc<dyn AccessTokens>,
    /// What clients prove themselves with.
    pub client_proofs: Arc<dyn ClientProofs>,
    /// What shows that somebody has the key that a token is bound to.
    pub dpop_proofs: Arc<dyn DpopProofs>,
    /// What is good once.
    pub replay_cache: Arc<dyn ReplayCache>,
    /// Tickets and refresh tokens.
    pub credentials: Arc<dyn RefreshTokenCodec>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Fresh identifiers.
    pub random: Arc<dyn Random>,
}

/// Starts, continues, judges and ends logins and their tokens.
pub struct IdentityService {
    pub(crate) deps: Dependencies,
    pub(crate) policy: Policy,
}

impl IdentityService {
    /// Puts the parts together.
    #[must_use]
    pub const fn new(deps: Dependencies, policy: Policy) -> Self {
        Self { deps, policy }
    }

    /// `iss` of every token.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.policy.issuer
    }
}
