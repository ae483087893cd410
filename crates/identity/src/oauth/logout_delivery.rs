//! Ends of sessions that relying parties have not received yet (OpenID Connect Back-Channel Logout 1.0).

use std::time::Duration;

use time::OffsetDateTime;

use crate::{
    id::{Sid, UserId},
    key::Algorithm,
    oauth::{BackchannelLogoutUri, ClientId, Sector},
};

/// Age from which on an end is given up after a failed attempt to deliver it.
pub const LOGOUT_DELIVERY_TTL: Duration = Duration::from_hours(24);

/// A relying party for which there are undelivered ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutReceiver {
    /// `aud` of its logout tokens.
    pub client: ClientId,
    /// Where it receives them.
    pub uri: BackchannelLogoutUri,
    /// The algorithm of its ID tokens, which signs them.
    pub algorithm: Algorithm,
    /// The sector of its pairwise subject identifiers; `None` where they are not pairwise.
    pub sector: Option<Sector>,
}

/// The end of a session of a relying party: of a login, or of its last grant in a login. Login and time identify it among those of the relying
/// party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutDelivery {
    /// The login.
    pub sid: Sid,
    /// The account, which may have been deleted.
    pub user: UserId,
    /// Time of the end, UTC.
    pub ended_at: OffsetDateTime,
    /// Number of attempts that failed.
    pub attempts: u32,
    /// Time of the next attempt, UTC; not before the first one failed.
    pub due_at: OffsetDateTime,
}

impl LogoutDelivery {
    /// Whether an attempt is due at `now`. The first one always is: its times are those of the instance at which the login ended.
    #[must_use]
    pub fn is_due(&self, now: OffsetDateTime) -> bool {
        self.attempts == 0 || self.due_at <= now
    }

    /// Whether a failed attempt at `now` is the last one.
    #[must_use]
    pub fn is_expired(&self, now: OffsetDateTime) -> bool {
        now - self.ended_at >= LOGOUT_DELIVERY_TTL
    }
}
