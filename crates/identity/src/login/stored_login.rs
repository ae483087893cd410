//! A login: one sign-in on any channel, and the generations of its refresh token.

use std::{net::IpAddr, time::Duration};

use holdfast_core::client_network::ClientNetwork;
use time::OffsetDateTime;

use crate::{
    account::PasswordVersion,
    authentication::{KeyedHash, KeyedHasher, KnownLocations},
    id::{Sid, UserId},
    oauth::Thumbprint,
    token::Scopes,
};

/// How long a login ticket may wait for its exchange.
pub const TICKET_TTL: Duration = Duration::from_mins(1);

/// How many logins of a person may live at once; beyond that the oldest ends.
pub const MAX_LIVE_LOGINS: u32 = 100;

/// How much later than the last time a use is noted again.
pub const SEEN_INTERVAL: Duration = Duration::from_mins(1);

/// How long the refresh token before the current one may be repeated, for an answer that got lost.
pub const REPLAY_WINDOW: Duration = Duration::from_secs(10);

/// What kind of client signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// It keeps its own tokens; its refresh tokens rotate.
    Api,
    /// The web-service keeps its tokens; they do not rotate.
    Browser,
}

/// Where a sign-in came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientInfo {
    /// What kind of client.
    pub kind: ClientKind,
    /// Its address, when known.
    pub ip_address: Option<IpAddr>,
    /// What it calls itself, at most 256 characters.
    pub user_agent: Option<String>,
    /// What web-service knows the browser by, whoever signs in with it.
    pub device: Option<DeviceId>,
}

/// A browser that somebody signed in with before, from its signed cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceId([u8; 16]);

impl DeviceId {
    /// Takes its bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// A sign-in form as it was shown to one browser, named by web-service. Sent twice, it begins one login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignInForm([u8; 16]);

impl SignInForm {
    /// The form with these 16 bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The identifier of the login that this person begins with it, the same on all instances. As the name of a login it is no
    /// secret; it is a keyed hash all the same, so that nobody can choose it.
    #[must_use]
    pub fn sid(&self, keyed_hasher: &dyn KeyedHasher, user: UserId) -> Sid {
        let KeyedHash(hash) = keyed_hasher.blind(&[b"sign-in form", user.as_bytes(), &self.0]);
        Sid::from_random_bytes(hash)
    }
}

/// Why a login ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The person signed out.
    SignedOut,
    /// A one-use ticket or refresh token was used again.
    Reused,
    /// The account got a new password.
    PasswordChanged,
    /// The account was disabled.
    AccountDisabled,
    /// The account was deleted.
    AccountDeleted,
    /// The person ended it from another login.
    EndedElsewhere,
    /// An administrator ended it.
    Administrator,
    /// The person began more than may live at once.
    TooMany,
    /// The operator ended it.
    Operator,
    /// Its cookie came from another device without a proof.
    Stolen,
}

/// Counts the refresh tokens of a login. The login ticket is generation 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(pub i64);

impl Generation {
    /// The login ticket's.
    pub const TICKET: Self = Self(0);

    /// The one after this.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// A login that is to begin.
#[derive(Clone, Debug)]
pub struct NewLogin {
    /// Its identifier.
    pub sid: Sid,
    /// Whose it is.
    pub user_id: UserId,
    /// The password that was proved; the login begins only if it is still the account's.
    pub password_version: PasswordVersion,
    /// Where from.
    pub client: ClientInfo,
    /// The same, as places that the account knows from now on.
    pub places: KnownLocations,
    /// How the person proved who they are (RFC 8176).
    pub amr: &'static [&'static str],
    /// Now; also when the person proved who they are.
    pub created_at: OffsetDateTime,
    /// When it ends at the latest.
    pub expires_at: OffsetDateTime,
}

/// What a login moves on with, from one generation to the next.
#[derive(Clone, Copy, Debug)]
pub struct Rotation<'a> {
    /// What is granted from now on.
    pub scopes: &'a Scopes,
    /// The key that the login is bound to, where it is bound to none.
    pub key: Option<&'a Thumbprint>,
    /// Who refreshes.
    pub client: &'a ClientInfo,
    /// When every access token of this and earlier generations is dead, where nothing else is out that does not need the login's
    /// row: not so for a browser, whose cookie does without.
    pub tokens_until: Option<OffsetDateTime>,
}

/// A login.
#[derive(Clone, Debug)]
pub struct Login {
    /// Its identifier.
    pub sid: Sid,
    /// What kind of client keeps its tokens.
    pub kind: ClientKind,
    /// What was granted at the exchange of the ticket.
    pub scopes: Scopes,
    /// The refresh token that is good now.
    pub generation: Generation,
    /// When that generation came into being.
    pub refreshed_at: OffsetDateTime,
    /// From which address that was, where it is known.
    pub refresh_ip_address: Option<IpAddr>,
    /// What the client called itself then, where it is known.
    pub refresh_user_agent: Option<String>,
    /// When the person proved who they are.
    pub authenticated_at: OffsetDateTime,
    /// When it was last used, to the minute.
    pub last_seen_at: OffsetDateTime,
    /// When it ends at the latest.
    pub expires_at: OffsetDateTime,
    /// Whether it ended before that.
    pub ended: bool,
    /// The key that its tokens are bound to.
    pub key: Option<Thumbprint>,
}

/// A login as its owner sees it.
#[derive(Clone, Debug)]
pub struct LoginRecord {
    /// Its identifier.
    pub sid: Sid,
    /// Where from.
    pub client: ClientInfo,
    /// When it began.
    pub created_at: OffsetDateTime,
    /// When the person proved who they are.
    pub authenticated_at: OffsetDateTime,
    /// How they proved it (RFC 8176).
    pub amr: Vec<String>,
    /// When it was last used, to the minute.
    pub last_seen_at: OffsetDateTime,
    /// When it ends at the latest.
    pub expires_at: OffsetDateTime,
    /// Since when it is bound to its browser's device.
    pub bound_at: Option<OffsetDateTime>,
}

/// What a presented refresh token is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshTokenState {
    /// It is the current one.
    Current,
    /// It is the one before, repeated in time: the current one is given again.
    Repeated,
    /// It was used up: somebody has a copy.
    Reused,
}

impl Login {
    /// Whether credentials of this login are good at `now`.
    #[must_use]
    pub fn is_live(&self, now: OffsetDateTime) -> bool {
        !self.ended && now < self.expires_at
    }

    /// Whether it is time to note that it was used.
    #[must_use]
    pub fn should_note_seen(&self, now: OffsetDateTime) -> bool {
        now >= self.last_seen_at + SEEN_INTERVAL
    }

    /// Whether the login ticket is still good at `now`.
    #[must_use]
    pub fn takes_ticket(&self, now: OffsetDateTime) -> bool {
        within(self.authenticated_at, TICKET_TTL, now)
    }

    /// Whether a client is seen at another network or calls itself something else than the one that refreshed last; what is not known
    /// of one of them is not compared.
    #[must_use]
    pub fn was_refreshed_elsewhere(&self, client: &ClientInfo) -> bool {
        let address = self.refresh_ip_address.zip(client.ip_address);
        let agent = self.refresh_user_agent.as_ref();
        let agent = agent.zip(client.user_agent.as_ref());
        address.is_some_and(|(one, other)| ClientNetwork::from(one) != ClientNetwork::from(other))
            || agent.is_some_and(|(one, other)| one != other)
    }

    /// Judges a refresh token of generation `presented`.
    #[must_use]
    pub fn judge(&self, presented: Generation, now: OffsetDateTime) -> RefreshTokenState {
        if presented == self.generation {
            RefreshTokenState::Current
        } else if presented.next() == self.generation
            && within(self.refreshed_at, REPLAY_WINDOW, now)
        {
            RefreshTokenState::Repeated
        } else {
            RefreshTokenState::Reused
        }
    }
}

/// Less than `window` from `since`, to either side: a clock that was set back opens no window anew.
fn within(since: OffsetDateTime, window: Duration, now: OffsetDateTime) -> bool {
    (now - since).unsigned_abs() < window
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn login(generation: i64) -> Login {
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
    fn the_generation_before_may_be_repeated_for_ten_seconds() {
        let just_before = NOW + REPLAY_WINDOW - Duration::from_millis(1);
        let cases = [
            (5, NOW, RefreshTokenState::Current),
            (5, NOW + REPLAY_WINDOW, RefreshTokenState::Current),
            (4, NOW, RefreshTokenState::Repeated),
            (4, just_before, RefreshTokenState::Repeated),
            (4, NOW + REPLAY_WINDOW, RefreshTokenState::Reused),
            (4, NOW - REPLAY_WINDOW, RefreshTokenState::Reused),
            (3, NOW, RefreshTokenState::Reused),
            (6, NOW, RefreshTokenState::Reused),
        ];
        for (presented, at, expected) in cases {
            assert_eq!(
                login(5).judge(Generation(presented), at),
                expected,
                "{presented} at {at}"
            );
        }
    }

    #[test]
    fn what_is_known_of_both_is_compared() {
        let is_elsewhere = |address: &str, agent: Option<&str>| {
            login(1).was_refreshed_elsewhere(&ClientInfo {
                kind: ClientKind::Api,
                ip_address: address.parse().ok(),
                user_agent: agent.map(str::to_owned),
                device: None,
            })
        };
        assert!(!is_elsewhere("192.0.2.1", Some("one/1")));
        assert!(!is_elsewhere("", None), "nothing is known");
        assert!(is_elsewhere("192.0.2.2", Some("one/1")));
        assert!(is_elsewhere("192.0.2.1", Some("other/1")));
        assert!(is_elsewhere("", Some("other/1")));
    }

    #[test]
    fn a_login_is_live_until_it_ends() {
        let mut login = login(1);
        assert!(login.is_live(NOW));
        assert!(!login.is_live(login.expires_at));
        login.ended = true;
        assert!(!login.is_live(NOW));
    }
}
