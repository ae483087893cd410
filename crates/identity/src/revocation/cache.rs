//! The port through which revocations are looked up in memory.

use std::time::Duration;

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::{
    id::{GrantId, Sid},
    revocation::Epoch,
    token::{Claims, TokenError},
};

/// Whether the memory of this instance shows an access token as revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationStatus {
    /// The token, its login, its grant and its OAuth client are not revoked.
    Live,
    /// One of them is revoked.
    Revoked(TokenError),
    /// Memory may be behind the store, or begins after the token was issued: the store must be read.
    Unknown,
}

/// A time during which this instance could not read the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreOutage {
    /// Start of the last read before it, UTC.
    pub began_at: OffsetDateTime,
    /// Start of the first read after it, UTC; `None` while it lasts.
    pub ended_at: Option<OffsetDateTime>,
}

/// The revocations that this instance holds in memory.
#[async_trait]
pub trait RevocationCache: Send + Sync {
    /// Returns the epoch of the store.
    fn epoch(&self) -> &Epoch;

    /// Returns the status of a token whose signature and times are valid.
    fn status(&self, claims: &Claims) -> RevocationStatus;

    /// Returns the status by memory that is at most this old, also where the store has not been read since. [`RevocationStatus::Unknown`]
    /// if it is older.
    fn status_within(&self, claims: &Claims, max_age: Duration) -> RevocationStatus;

    /// Whether an entry in memory affects this login, or this grant of it. The row of a promoted database server may not show that yet.
    fn is_grant_revoked(&self, sid: Sid, grant: GrantId) -> bool;

    /// Returns the latest outage of the store since the start of this instance.
    fn last_outage(&self) -> Option<StoreOutage>;

    /// Reads all committed entries. When it returns, every revocation that was committed before the call is in memory, if the
    /// store could be read.
    async fn catch_up(&self);
}
