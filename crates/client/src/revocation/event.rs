//! The messages of the revocation stream for applications, `GET /events/revocations` of web-service.

use std::{fmt, str::FromStr};

use auth_proto::v1::{self, WatchRevocationsResponse};
#[cfg(feature = "events")]
use prost_types::Timestamp;
use serde::{Deserialize, Serialize};

/// A message of the stream, the JSON of a server-sent event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationEvent {
    /// The entries that the receiver has are those of another epoch and count no longer: all entries follow, beginning with those of this
    /// message. It has all of them at the next message whose `current` is true.
    pub snapshot: bool,
    /// Further entries, in the order of the log.
    pub revocations: Vec<RevocationEntry>,
    /// The receiver now has everything that was revoked up to a second ago. Otherwise, further messages follow at once.
    pub current: bool,
    /// The issuer's time when `current` was determined, in seconds since 1970. The receiver's clock may differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<i64>,
}

/// An entry of the revocation log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationEntry {
    /// What was revoked.
    #[serde(flatten)]
    pub revoked: RevokedId,
    /// Time from which on every token that the entry affects has expired, in seconds since 1970.
    pub expires_at: i64,
}

/// What was revoked, by the claim or the header parameter of access tokens that contains its identifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevokedId {
    /// One access token.
    Jti(String),
    /// A login, with all of its tokens.
    Sid(String),
    /// A grant of a login, with all of its tokens.
    GrantId(String),
    /// An OAuth client: all tokens that were issued to it.
    ClientId(String),
    /// A signing key: all tokens that it signed. It is removed from the JWKS.
    Kid(String),
}

/// The identifier of a message, from which the stream continues (`Last-Event-ID`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventId {
    /// The epoch of auth-service's store; empty if the receiver has no entries.
    pub epoch: String,
    /// Position in the log up to which the receiver has all entries.
    pub sequence: i64,
}

/// The text is no identifier of a message.
#[derive(Debug, thiserror::Error)]
#[error("not an event id")]
pub struct InvalidEventId;

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.sequence)
    }
}

impl FromStr for EventId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, InvalidEventId> {
        let (epoch, sequence) = text.split_once(':').ok_or(InvalidEventId)?;
        let sequence = sequence.parse().map_err(|_| InvalidEventId)?;
        let is_epoch = epoch.len() <= 64 && epoch.bytes().all(|b| b.is_ascii_graphic());
        (is_epoch && sequence >= 0)
            .then(|| Self {
                epoch: epoch.to_owned(),
                sequence,
            })
            .ok_or(InvalidEventId)
    }
}

impl EventId {
    /// The identifier of a message to a receiver that has everything up to this one.
    pub(crate) fn next(&self, message: &WatchRevocationsResponse) -> Self {
        let begun = if message.snapshot { 0 } else { self.sequence };
        let last = message.revocations.last().map(|entry| entry.sequence);
        let sequence = begun.max(last.unwrap_or(0));
        Self {
            epoch: message.epoch.clone(),
            sequence: if message.current {
                sequence.max(message.newest)
            } else {
                sequence
            },
        }
    }
}

impl From<WatchRevocationsResponse> for RevocationEvent {
    fn from(message: WatchRevocationsResponse) -> Self {
        let time = message.issuer_time.map(|time| time.seconds);
        Self {
            snapshot: message.snapshot,
            revocations: message
                .revocations
                .into_iter()
                .filter_map(RevocationEntry::decode)
                .collect(),
            current: message.current,
            time: time.filter(|_| message.current),
        }
    }
}

impl RevocationEntry {
    fn decode(entry: v1::Revocation) -> Option<Self> {
        use v1::revocation::Revoked;
        let revoked = match entry.revoked? {
            Revoked::Jti(jti) => RevokedId::Jti(jti),
            Revoked::Sid(sid) => RevokedId::Sid(sid),
            Revoked::GrantId(id) => RevokedId::GrantId(id),
            Revoked::ClientId(id) => RevokedId::ClientId(id),
            Revoked::Kid(kid) => RevokedId::Kid(kid),
        };
        let expires_at = entry.expires_at.map_or(i64::MAX, |time| time.seconds);
        Some(Self {
            revoked,
            expires_at,
        })
    }

    #[cfg(feature = "events")]
    fn encode(self, sequence: i64) -> v1::Revocation {
        use v1::revocation::Revoked;
        v1::Revocation {
            sequence,
            revoked: Some(match self.revoked {
                RevokedId::Jti(jti) => Revoked::Jti(jti),
                RevokedId::Sid(sid) => Revoked::Sid(sid),
                RevokedId::GrantId(id) => Revoked::GrantId(id),
                RevokedId::ClientId(id) => Revoked::ClientId(id),
                RevokedId::Kid(kid) => Revoked::Kid(kid),
            }),
            expires_at: Some(seconds(self.expires_at)),
        }
    }
}

#[cfg(feature = "events")]
impl RevocationEvent {
    /// The message of auth-service that it was made from, as far as receivers use it.
    pub(crate) fn into_message(self, id: EventId) -> WatchRevocationsResponse {
        let entries = self.revocations.into_iter();
        WatchRevocationsResponse {
            epoch: id.epoch,
            snapshot: self.snapshot,
            revocations: entries.map(|entry| entry.encode(id.sequence)).collect(),
            current: self.current,
            newest: if self.current { id.sequence } else { 0 },
            issuer_time: self.time.map(seconds),
            announced: id.sequence,
        }
    }
}

#[cfg(feature = "events")]
const fn seconds(seconds: i64) -> Timestamp {
    Timestamp { seconds, nanos: 0 }
}
