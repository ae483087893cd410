//! Logins as the store has them, and the state of their tickets and refresh tokens.

use std::{net::IpAddr, time::Duration};

use holdfast_core::client_network::ClientNetwork;
use time::OffsetDateTime;

use crate::{
    id::Sid,
    login::{ClientInfo, ClientKind, Generation},
    oauth::KeyThumbprint,
    token::Scopes,
};

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
    /// Scopes that were granted when the login ticket was exchanged.
    pub scopes: Scopes,
    /// The current generation of its refresh token.
    pub generation: Generation,
    /// Time at which that generation was issued, UTC.
    pub refreshed_at: OffsetDateTime,
    /// IP address that the current generation was issued to, if known.
    pub refresh_ip_address: Option<IpAddr>,
    /// User agent that the current generation was issued to, if known.
    pub refresh_user_agent: Option<String>,
    /// Time of the latest authentication, UTC.
    pub authenticated_at: OffsetDateTime,
    /// Time of the latest use, UTC, accurate to [`LAST_SEEN_INTERVAL`].
    pub last_seen_at: OffsetDateTime,
    /// Expiry, however often the login is refreshed.
    pub expires_at: OffsetDateTime,
    /// Whether it ended before its expiry.
    pub ended: bool,
    /// The key that its tokens are bound to; `None` for bearer tokens.
    pub key: Option<KeyThumbprint>,
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

    /// Whether the network or the user agent of `client` differs from that of the latest refresh. What is unknown of one of the two
    /// is not compared.
    #[must_use]
    pub fn was_refreshed_elsewhere(&self, client: &ClientInfo) -> bool {
        let address = self.refresh_ip_address.zip(client.ip_address);
        let agent = self.refresh_user_agent.as_ref();
        let agent = agent.zip(client.user_agent.as_ref());
        address.is_some_and(|(one, other)| ClientNetwork::from(one) != ClientNetwork::from(other))
            || agent.is_some_and(|(one, other)| one != other)
    }
}

/// Whether `now` is less than `window` from `since`, to either side: a clock that was set back does not extend the window.
pub(super) fn is_within(since: OffsetDateTime, window: Duration, now: OffsetDateTime) -> bool {
    (now - since).unsigned_abs() < window
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::login) const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    /// A login at this generation of its refresh token.
    pub(in crate::login) fn login(generation: i64) -> Login {
        Login {
            sid: Sid::from_bytes([1; 16]),
            kind: ClientKind::Api,
            scopes: Scopes::default(),
            generation: Generation(generation),
            refreshed_at: NOW,
            refresh_ip_address: "192.0.2.1".parse().ok(),
            refresh_user_agent: Some("one/1".to_owned()),
            authenticated_at: NOW,
            last_seen_at: NOW,
            expires_at: NOW + Duration::from_hours(1),
            ended: false,
            key: None,
        }
    }

    #[test]
    fn unknown_address_or_agent_is_not_compared() {
        let is_elsewhere = |address: &str, agent: Option<&str>| {
            login(1).was_refreshed_elsewhere(&ClientInfo {
                kind: ClientKind::Api,
                ip_address: address.parse().ok(),
                user_agent: agent.map(str::to_owned),
                device: None,
            })
        };
        assert!(!is_elsewhere("192.0.2.1", Some("one/1")));
        assert!(!is_elsewhere("", None), "neither is known");
        assert!(is_elsewhere("192.0.2.2", Some("one/1")));
        assert!(is_elsewhere("192.0.2.1", Some("other/1")));
        assert!(is_elsewhere("", Some("other/1")));
    }

    #[test]
    fn login_is_live_until_expiry_or_end() {
        let mut login = login(1);
        assert!(login.is_live(NOW));
        assert!(!login.is_live(login.expires_at));
        login.ended = true;
        assert!(!login.is_live(NOW));
    }
}
