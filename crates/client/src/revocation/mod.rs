//! Which logins have ended, as auth-service tells it.

use time::OffsetDateTime;

use crate::auth::{Claims, Introspection};

/// What is known of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginState {
    /// It was not ended, as far as is known; and enough is known.
    Live,
    /// It was ended.
    Ended,
    /// Too little is known, or nothing new for too long.
    Unknown,
}

/// A state of knowledge under which what was said of a token stays true, but for what [`Revocations::has_ended`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CacheEpoch {
    /// Counts the histories of auth-service's store that were heard of.
    pub epoch: u64,
    /// Counts the signing keys that were revoked.
    pub revoked_keys: u64,
    /// Counts what this very instance had ended and did not hear of at once, as whoever did that is to see it.
    pub own_acts: u64,
}

/// What a token hangs on, any of which may have ended; empty where it hangs on none such.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// Its login.
    pub sid: &'a str,
    /// The token itself.
    pub jti: &'a str,
    /// Its client.
    pub client_id: &'a str,
}

impl<'a> From<&'a Claims> for Named<'a> {
    fn from(claims: &'a Claims) -> Self {
        Self {
            sid: &claims.sid,
            jti: &claims.jti,
            client_id: &claims.client_id,
        }
    }
}

impl<'a> From<&'a Introspection> for Named<'a> {
    fn from(token: &'a Introspection) -> Self {
        Self {
            sid: &token.sid,
            jti: &token.jti,
            client_id: &token.client_id,
        }
    }
}

/// What auth-service told of ended logins.
pub trait Revocations: Send + Sync {
    /// The state of the login `sid` that is part of the history `epoch`.
    fn login(&self, sid: &str, epoch: &str) -> LoginState;

    /// What is known now; `None` where it was not heard within three seconds that this is all.
    fn history(&self) -> Option<CacheEpoch>;

    /// Whether a token, its login or its client has ended. That holds against whatever auth-service says of it later.
    fn has_ended(&self, named: Named<'_>) -> bool;

    /// What auth-service's clock shows now, by the last that it said and the time that has passed since: by that clock it is told
    /// when somebody proved who they are. `None`: it has not said.
    fn issuer_now(&self) -> Option<OffsetDateTime>;

    /// Whether enough is known for cookies to be judged.
    ///
    /// # Errors
    /// What is missing, in words for the operator.
    fn readiness(&self) -> Result<(), String>;
}
