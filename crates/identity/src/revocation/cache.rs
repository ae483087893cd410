//! The port through which revocations are looked up in memory.

use std::time::Duration;

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::{
    id::{GrantId, Sid},
    login::REPEAT_WINDOW,
    oauth::ClientId,
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

impl StoreOutage {
    /// The outage during which this instance was started, and which ends now: when it began is not known.
    #[must_use]
    pub const fn before_start(now: OffsetDateTime) -> Self {
        Self {
            began_at: OffsetDateTime::UNIX_EPOCH,
            ended_at: Some(now),
        }
    }

    /// The outage that a failure begins after a read at `read_at`, or continues: one that begins again before clients could repeat their
    /// requests is the same.
    #[must_use]
    pub fn of_failure(latest: Option<Self>, read_at: OffsetDateTime) -> Self {
        match latest {
            Some(latest)
                if latest
                    .ended_at
                    .is_none_or(|ended_at| read_at < ended_at + REPEAT_WINDOW) =>
            {
                Self {
                    ended_at: None,
                    ..latest
                }
            }
            _ => Self {
                began_at: read_at,
                ended_at: None,
            },
        }
    }
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

    /// Whether an entry in memory affects this login, this grant of it, or the grant's OAuth client. The rows of a promoted database server
    /// may not show that yet.
    fn is_grant_revoked(&self, sid: Sid, grant: GrantId, client: &ClientId) -> bool;

    /// Records that a call failed because the store was unavailable: it counts as an outage until the next read.
    fn record_store_failure(&self);

    /// Returns the latest outage of the store that this instance noticed, the one during which it was started included. Its times are those
    /// of the system clock, as the times of rotations are.
    fn last_outage(&self) -> Option<StoreOutage>;

    /// Reads all committed entries. When it returns, every revocation that was committed before the call is in memory, if the
    /// store could be read.
    async fn catch_up(&self);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outages_within_the_window_of_repeats_are_one() {
        let at = |seconds| OffsetDateTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let failed = |latest: Option<(u64, Option<u64>)>, read| {
            let latest = latest.map(|(began, ended)| StoreOutage {
                began_at: at(began),
                ended_at: ended.map(at),
            });
            StoreOutage::of_failure(latest, at(read))
        };
        let begun = |began| StoreOutage {
            began_at: at(began),
            ended_at: None,
        };
        assert_eq!(failed(None, 1), begun(1));
        assert_eq!(failed(Some((1, None)), 1), begun(1));
        assert_eq!(failed(Some((1, Some(30))), 39), begun(1));
        assert_eq!(failed(Some((1, Some(30))), 40), begun(40));
    }
}
