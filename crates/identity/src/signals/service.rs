//! The operations of receivers on their streams.

use std::sync::Arc;

use holdfast_core::{clock::Clock, random::Random};

use crate::{
    error::{Fault, StoreError, fault_from},
    id::StreamId,
    key::Algorithm,
    oauth::ClientId,
    signals::{
        NewStream, SecurityEvent, SecurityEventTokens, Signal, SignalStream, StreamChange,
        StreamStatus, StreamText,
    },
    store::SignalStore,
    token::SigningError,
};

/// Maximum number of events that one poll returns.
pub const MAX_POLLED: u32 = 50;

/// Why an operation on a stream is refused.
#[derive(Debug, thiserror::Error)]
pub enum SignalError {
    /// The OAuth client has a stream already.
    #[error("there is a stream of this receiver already")]
    Exists,
    /// The OAuth client has no stream with this identifier.
    #[error("the receiver has no such stream")]
    NotFound,
    /// The service failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

fault_from!(SignalError: StoreError, SigningError);

/// What a receiver polls (RFC 8936 §2.4).
#[derive(Clone, Debug)]
pub struct Poll<'a> {
    /// The stream.
    pub stream: StreamId,
    /// `jti` of the events that the receiver has processed, or refuses.
    pub settled: &'a [String],
    /// Maximum number of events, at most [`MAX_POLLED`].
    pub max_events: u32,
}

/// An event as a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolledSignal {
    /// `jti`.
    pub jti: String,
    /// The Security Event Token.
    pub token: String,
}

/// The events that a poll returns, the earliest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolledSignals {
    /// The events.
    pub events: Vec<PolledSignal>,
    /// Whether there are others.
    pub has_more: bool,
}

/// The operations on streams of events.
pub struct SignalService {
    /// Streams and events.
    pub store: Arc<dyn SignalStore>,
    /// Signs the events.
    pub tokens: Arc<dyn SecurityEventTokens>,
    /// `iss` of the events.
    pub issuer: String,
    /// The algorithm that signs the events.
    pub algorithm: Algorithm,
    /// The system clock.
    pub clock: Arc<dyn Clock>,
    /// Source of identifiers.
    pub random: Arc<dyn Random>,
}

impl SignalService {
    /// Creates the stream of an OAuth client, which begins with the events from now on.
    pub async fn create(
        &self,
        client: &ClientId,
        new: NewStream,
    ) -> Result<SignalStream, SignalError> {
        let stream = SignalStream {
            id: StreamId::random(&*self.random),
            client: client.clone(),
            status: StreamStatus::Enabled,
            reason: None,
            requested: new.requested,
            description: new.description,
            created_at: self.clock.now(),
        };
        if self.store.insert_stream(&stream).await? {
            Ok(stream)
        } else {
            Err(SignalError::Exists)
        }
    }

    /// Returns the stream of an OAuth client, if it has one.
    pub async fn stream_of(&self, client: &ClientId) -> Result<Option<SignalStream>, Fault> {
        Ok(self.store.stream(client).await?)
    }

    /// Returns a stream.
    pub async fn stream(
        &self,
        client: &ClientId,
        id: StreamId,
    ) -> Result<SignalStream, SignalError> {
        let found = self.store.stream(client).await?;
        found
            .filter(|stream| stream.id == id)
            .ok_or(SignalError::NotFound)
    }

    /// Changes a stream. Events that a disabled stream holds are deleted.
    pub async fn change(
        &self,
        client: &ClientId,
        id: StreamId,
        change: StreamChange,
    ) -> Result<SignalStream, SignalError> {
        let mut stream = self.stream(client, id).await?;
        stream.apply(change);
        if self.store.update_stream(&stream).await? {
            Ok(stream)
        } else {
            Err(SignalError::NotFound)
        }
    }

    /// Deletes a stream with its events.
    pub async fn delete(&self, client: &ClientId, id: StreamId) -> Result<(), SignalError> {
        if self.store.delete_stream(client, id).await? {
            Ok(())
        } else {
            Err(SignalError::NotFound)
        }
    }

    /// Adds a verification event to a stream, in place of one that was not acknowledged.
    pub async fn verify(
        &self,
        client: &ClientId,
        id: StreamId,
        state: Option<&StreamText>,
    ) -> Result<(), SignalError> {
        self.stream(client, id).await?;
        let (state, now) = (state.map(StreamText::as_str), self.clock.now());
        Ok(self.store.replace_verification(id, state, now).await?)
    }

    /// Deletes the events that the receiver has settled, and returns the next ones.
    pub async fn poll(
        &self,
        client: &ClientId,
        poll: &Poll<'_>,
    ) -> Result<PolledSignals, SignalError> {
        let stream = self.stream(client, poll.stream).await?;
        let prefix = format!("{}.", stream.id);
        let number = |jti: &String| jti.strip_prefix(&prefix)?.parse().ok();
        let settled: Vec<i64> = poll.settled.iter().filter_map(number).collect();
        if !settled.is_empty() {
            self.store.remove_signals(stream.id, &settled).await?;
        }
        let limit = poll.max_events.min(MAX_POLLED);
        if limit == 0 || stream.status != StreamStatus::Enabled {
            return Ok(PolledSignals::default());
        }
        let mut signals = self.store.signals(stream.id, limit + 1).await?;
        let has_more = signals.len() > limit as usize;
        signals.truncate(limit as usize);
        let events = signals.iter().map(|signal| self.sign(&stream, signal));
        Ok(PolledSignals {
            events: events.collect::<Result<_, _>>()?,
            has_more,
        })
    }

    fn sign(&self, stream: &SignalStream, signal: &Signal) -> Result<PolledSignal, SigningError> {
        let jti = format!("{}.{}", stream.id, signal.number);
        let event = SecurityEvent {
            issuer: &self.issuer,
            audience: &stream.client,
            stream: stream.id,
            jti: &jti,
            signed_at: self.clock.now(),
            signal,
        };
        let token = self.tokens.sign(&event, self.algorithm)?;
        Ok(PolledSignal { jti, token })
    }
}
