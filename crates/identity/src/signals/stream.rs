//! Streams of events (OpenID Shared Signals Framework 1.0 §8.1.1).

use std::{str::FromStr, time::Duration};

use time::OffsetDateTime;

use crate::{
    id::StreamId,
    oauth::ClientId,
    signals::{InvalidSignal, SignalKind, event::texts},
};

/// Age from which on an event that was not acknowledged is deleted.
pub const EVENT_TTL: Duration = Duration::from_hours(7 * 24);

/// The stream of an OAuth client, which has at most one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalStream {
    /// Identifier of the stream.
    pub id: StreamId,
    /// Its receiver; `aud` of the events.
    pub client: ClientId,
    /// Whether events are sent or held.
    pub status: StreamStatus,
    /// Why it has this status, as the receiver put it.
    pub reason: Option<StreamText>,
    /// The events that the receiver requested; `None` for all that there are.
    pub requested: Option<RequestedEvents>,
    /// What the receiver calls it.
    pub description: Option<StreamText>,
    /// Time of its creation, UTC.
    pub created_at: OffsetDateTime,
}

/// What a receiver creates a stream with.
#[derive(Clone, Debug, Default)]
pub struct NewStream {
    /// See [`SignalStream::requested`].
    pub requested: Option<RequestedEvents>,
    /// See [`SignalStream::description`].
    pub description: Option<StreamText>,
}

/// What is to change of a stream; `None`: it stays. An inner `None` removes what there is.
#[derive(Clone, Debug, Default)]
pub struct StreamChange {
    /// See [`SignalStream::requested`].
    pub requested: Option<Option<RequestedEvents>>,
    /// See [`SignalStream::description`].
    pub description: Option<Option<StreamText>>,
    /// See [`SignalStream::status`], with the reason.
    pub status: Option<(StreamStatus, Option<StreamText>)>,
}

impl SignalStream {
    /// The types of events that are sent.
    #[must_use]
    pub fn delivered(&self) -> Vec<SignalKind> {
        let is_requested = |kind: &SignalKind| match &self.requested {
            Some(requested) => requested.uris().any(|uri| uri == kind.as_str()),
            None => true,
        };
        SignalKind::ALL
            .iter()
            .copied()
            .filter(is_requested)
            .collect()
    }

    pub(super) fn apply(&mut self, change: StreamChange) {
        if let Some(requested) = change.requested {
            self.requested = requested;
        }
        if let Some(description) = change.description {
            self.description = description;
        }
        if let Some((status, reason)) = change.status {
            self.status = status;
            self.reason = reason;
        }
    }
}

texts! {
    /// Whether the events of a stream are sent.
    StreamStatus {
        /// They are sent.
        Enabled = "enabled",
        /// They are held.
        Paused = "paused",
        /// They are neither sent nor held.
        Disabled = "disabled",
    }
}

/// A text or list of a stream is too long, or contains control characters.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a text has at most 256 characters without control characters, and a list at most 32 URIs")]
pub struct InvalidStream;

/// A text that a receiver gives: at most 256 characters, without control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamText(String);

impl StreamText {
    const MAX_LENGTH: usize = 256;

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for StreamText {
    type Err = InvalidStream;

    fn from_str(text: &str) -> Result<Self, InvalidStream> {
        let is_valid =
            text.chars().count() <= Self::MAX_LENGTH && !text.chars().any(char::is_control);
        is_valid.then(|| Self(text.to_owned())).ok_or(InvalidStream)
    }
}

/// Event type URIs that a receiver requests, also those that do not exist here. Its text form separates them by spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedEvents(String);

impl RequestedEvents {
    const MAX_URIS: usize = 32;
    const MAX_LENGTH: usize = 256;

    /// The URIs, in the receiver's order.
    pub fn uris(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|uri| !uri.is_empty())
    }

    /// Returns the text form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RequestedEvents {
    type Err = InvalidStream;

    fn from_str(text: &str) -> Result<Self, InvalidStream> {
        let uris: Vec<_> = text.split(' ').filter(|uri| !uri.is_empty()).collect();
        let is_uri = |uri: &&str| {
            uri.len() <= Self::MAX_LENGTH && uri.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let is_valid = uris.len() <= Self::MAX_URIS && uris.iter().all(is_uri);
        is_valid.then(|| Self(uris.join(" "))).ok_or(InvalidStream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requested_events_are_bounded_uris() {
        let both = "urn:a  urn:b".parse::<RequestedEvents>().unwrap();
        assert_eq!(both.as_str(), "urn:a urn:b");
        let many = vec!["urn:a"; 33].join(" ");
        let long = "u".repeat(257);
        for invalid in ["urn:ä", "urn:\n", &many, &long] {
            assert_eq!(
                invalid.parse::<RequestedEvents>(),
                Err(InvalidStream),
                "{invalid}"
            );
        }
    }

    #[test]
    fn text_is_bounded() {
        assert!("Orders, Ümlaut".parse::<StreamText>().is_ok());
        for invalid in ["a\nb", &"x".repeat(257)] {
            assert_eq!(invalid.parse::<StreamText>(), Err(InvalidStream));
        }
    }
}
