//! Revocations, as the revocation stream of auth-service reports them.

use crate::calls::{introspect::Introspection, validate::Claims};

mod clock_skew;
pub(crate) mod event;
#[cfg(feature = "events")]
pub(crate) mod event_source;
pub(crate) mod events;
mod set;
pub(crate) mod watcher;

/// What the revocation stream says of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginState {
    /// It was not revoked, as of the last message of a stream that is recent enough.
    Live,
    /// It was revoked, or belongs to an epoch that is over.
    Ended,
    /// The stream was disconnected for too long, or has not delivered a snapshot of the login's epoch yet.
    Unknown,
}

/// The state of the revocation stream under which a cached result stays valid, apart from what
/// [`RevocationWatcher::is_revoked`](watcher::RevocationWatcher::is_revoked) says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CacheEpoch {
    /// Number of epochs of auth-service's store that the stream reported.
    pub epochs: u64,
    /// Number of signing keys that were revoked.
    pub revoked_keys: u64,
    /// Number of revocations that this process requested and that the stream did not deliver in time.
    pub missed_revocations: u64,
}

/// The identifiers of a token by which it can be revoked.
#[derive(Clone, Copy, Debug)]
pub struct RevocableIds<'a> {
    /// Identifier of its login; `None` for a token that an OAuth client got in its own name.
    pub sid: Option<&'a str>,
    /// Its grant; `None` for the grant that its login began with, and for a token that an OAuth client got in its own name.
    pub grant_id: Option<&'a str>,
    /// Identifier of the token.
    pub jti: Option<&'a str>,
    /// The OAuth client that it was issued to.
    pub client_id: &'a str,
}

impl<'a> From<&'a Claims> for RevocableIds<'a> {
    fn from(claims: &'a Claims) -> Self {
        Self {
            sid: claims.sid.as_deref(),
            grant_id: claims.grant_id.as_deref(),
            jti: Some(&claims.jti),
            client_id: &claims.client_id,
        }
    }
}

impl<'a> From<&'a Introspection> for RevocableIds<'a> {
    fn from(token: &'a Introspection) -> Self {
        Self {
            sid: token.sid.as_deref(),
            grant_id: token.grant_id.as_deref(),
            jti: token.jti.as_deref(),
            client_id: &token.client_id,
        }
    }
}
