//! Logins as the store has them, and the state of their tickets.

use std::time::Duration;

use time::OffsetDateTime;

use crate::{account::AuthenticationVersion, authentication::Factors, id::Sid, login::ClientKind};

/// Lifetime of a login ticket: one minute.
pub const TICKET_TTL: Duration = Duration::from_mins(1);

/// Minimum time between two updates of the time at which a login was last used.
pub const LAST_SEEN_INTERVAL: Duration = Duration::from_mins(1);

/// An authenticated relationship of an account with this service, from sign-in to its end.
#[derive(Clone, Debug)]
pub struct Login {
    /// Identifier of the login.
    pub sid: Sid,
    /// Who keeps its tokens: web-service for a browser, or the program itself.
    pub kind: ClientKind,
    /// The factors that were verified; `amr` and `acr`.
    pub factors: Factors,
    /// Time of the latest authentication, UTC.
    pub authenticated_at: OffsetDateTime,
    /// Time of the latest use, UTC, accurate to [`LAST_SEEN_INTERVAL`].
    pub last_seen_at: OffsetDateTime,
    /// Expiry, however often the login is refreshed.
    pub expires_at: OffsetDateTime,
    /// Whether it ended before its expiry.
    pub ended: bool,
}

/// An authentication of the account's owner within a login.
#[derive(Clone, Debug)]
pub struct AuthenticationUpdate {
    /// The version of the credentials that were verified. It counts only if it is still the account's.
    pub version: AuthenticationVersion,
    /// Time of the authentication that it follows, UTC; it counts only if that is still the latest of the login. `None`: whatever that is.
    pub previous: Option<OffsetDateTime>,
    /// The factors that were verified: `amr` of the login from then on.
    pub factors: Factors,
    /// Its time, UTC.
    pub now: OffsetDateTime,
}

impl Login {
    /// Whether credentials of this login are accepted at `now`.
    #[must_use]
    pub fn is_live(&self, now: OffsetDateTime) -> bool {
        !self.ended && now < self.expires_at
    }

    /// Whether the stored time of the latest use is older than [`LAST_SEEN_INTERVAL`].
    #[must_use]
    pub fn is_last_seen_due(&self, now: OffsetDateTime) -> bool {
        now >= self.last_seen_at + LAST_SEEN_INTERVAL
    }

    /// Whether the login ticket has not expired at `now`.
    #[must_use]
    pub fn accepts_ticket(&self, now: OffsetDateTime) -> bool {
        is_within(self.authenticated_at, TICKET_TTL, now)
    }
}

/// Whether `now` is less than `window` from `since`, to either side: a clock that was set back does not extend the window.
pub(crate) fn is_within(since: OffsetDateTime, window: Duration, now: OffsetDateTime) -> bool {
    (now - since).unsigned_abs() < window
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authentication::Factor;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    #[test]
    fn login_is_live_until_expiry_or_end() {
        let mut login = Login {
            sid: Sid::from_bytes([1; 16]),
            kind: ClientKind::Api,
            factors: Factor::Password.into(),
            authenticated_at: NOW,
            last_seen_at: NOW,
            expires_at: NOW + Duration::from_hours(1),
            ended: false,
        };
        assert!(login.is_live(NOW));
        assert!(!login.is_live(login.expires_at));
        login.ended = true;
        assert!(!login.is_live(NOW));
    }
}
