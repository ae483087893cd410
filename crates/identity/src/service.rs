//! The authority over logins and tokens: it alone starts, continues, judges and ends them.

mod change_password;
mod check_password;
mod clients;
mod dpop;
mod introspect;
mod issue_token;
mod login;
mod logins;
mod reauthenticate;
mod report_device;
mod revoke_token;
mod validate_token;

use std::{sync::Arc, time::Duration};

pub use self::{
    change_password::ChangePasswordRefused,
    clients::{ClientNotProven, ClientToken, ClientTokenRequest},
    dpop::{Dpop, DpopRefused},
    introspect::IntrospectRefused,
    issue_token::{Grant, IssueRefused, Issued, TokenRequest},
    login::{LoginAttempt, LoginRefused, SignedIn},
    logins::{EndLoginRefused, EndOthersRefused},
    reauthenticate::{ReauthenticateRefused, StepUpRequired},
    report_device::DeviceEvent,
    revoke_token::{RevocationRequest, RevokeRefused, RevokedBy},
    validate_token::{Consistency, Expected, ValidateRefused},
};
use super::{
    access_token::is_spelling_of,
    client::ClientProofs,
    dpop::{DpopProofs, ReplayMemory},
    ports::{AccessTokens, Clock, Credentials, PasswordHasher, Random, RevocationMemory, Store},
    throttle::{Blinding, Counters},
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
    fn default_audience(&self) -> &str {
        self.audiences.first().map_or(&self.issuer, String::as_str)
    }

    /// An audience, or the issuer in its normal form where it is another spelling of that.
    fn canonical<'a>(&'a self, name: &'a str) -> &'a str {
        if is_spelling_of(&self.issuer, name) {
            &self.issuer
        } else {
            name
        }
    }
}

/// What the authority needs from outside.
#[derive(Clone)]
pub struct Parts {
    /// Accounts and logins.
    pub store: Arc<dyn Store>,
    /// What has ended, in memory.
    pub revocations: Arc<dyn RevocationMemory>,
    /// Password checks.
    pub hasher: Arc<dyn PasswordHasher>,
    /// How often it was tried.
    pub counters: Arc<dyn Counters>,
    /// Under what name that is counted.
    pub blinding: Arc<dyn Blinding>,
    /// Access tokens.
    pub tokens: Arc<dyn AccessTokens>,
    /// What clients prove themselves with.
    pub client_proofs: Arc<dyn ClientProofs>,
    /// What shows that somebody has the key that a token is bound to.
    pub dpop_proofs: Arc<dyn DpopProofs>,
    /// What is good once.
    pub replays: Arc<dyn ReplayMemory>,
    /// Tickets and refresh tokens.
    pub credentials: Arc<dyn Credentials>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Fresh identifiers.
    pub random: Arc<dyn Random>,
}

/// Starts, continues, judges and ends logins and their tokens.
pub struct Authority {
    parts: Parts,
    policy: Policy,
}

impl Authority {
    /// Puts the parts together.
    #[must_use]
    pub const fn new(parts: Parts, policy: Policy) -> Self {
        Self { parts, policy }
    }

    /// `iss` of every token.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.policy.issuer
    }
}
