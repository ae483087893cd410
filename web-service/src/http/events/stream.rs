//! From the revocation stream of auth-service to the body of a response.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::response::sse::Event;
use holdfast_client::{
    AuthClient, AuthError, Claims, EventId, RevocableIds, RevocationEvents, RevocationWatcher,
};
use holdfast_core::clock::Clock;
use holdfast_metrics::Registry;
use time::OffsetDateTime;
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::http::{
    events::slots::{Slot, Slots},
    extract::access_token::RevocationsClaims,
};

/// Events that may wait for the receiver.
const BUFFER: usize = 4;
/// How long an event may wait for a place in the buffer before the stream is closed.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// Time after which a receiver that has lost its stream opens the next one.
const RETRY: Duration = Duration::from_secs(1);

/// Opens streams of revocations for applications. Clones share the limit of streams.
#[derive(Clone)]
pub struct EventStreams {
    auth: AuthClient,
    revocations: RevocationWatcher,
    clock: Arc<dyn Clock>,
    slots: Slots,
    closing: CancellationToken,
}

/// Why a stream is not opened.
pub(super) enum OpenError {
    /// There are as many as there may be.
    Limit,
    /// This instance is shutting down.
    Closing,
    /// auth-service has not opened it.
    Auth(AuthError),
}

/// The events of a stream. It has its slot until the transport drops it, so that a receiver that takes nothing cannot open others.
pub(super) struct Events {
    receiver: mpsc::Receiver<Result<Event, Infallible>>,
    _slot: Slot,
}

impl Events {
    pub(super) async fn next(&mut self) -> Option<Result<Event, Infallible>> {
        self.receiver.recv().await
    }
}

impl EventStreams {
    /// Opens no stream yet.
    #[must_use]
    pub fn new(auth: AuthClient, revocations: RevocationWatcher, clock: Arc<dyn Clock>) -> Self {
        Self {
            auth,
            revocations,
            clock,
            slots: Slots::default(),
            closing: CancellationToken::new(),
        }
    }

    /// Closes all streams, which would delay the drain, and opens no further ones.
    pub fn close(&self) {
        self.closing.cancel();
    }

    /// Adds the number of open streams to a registry.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "event_streams_open",
            "Streams of revocations that applications have opened (`/events/revocations`)",
            self.slots.gauge(),
        );
    }

    /// Opens a stream of everything after `position`, for the holder of an access token with these claims. It ends with the token.
    pub(super) async fn open(
        &self,
        position: EventId,
        RevocationsClaims {
            claims: token,
            revoked_keys,
        }: RevocationsClaims,
    ) -> Result<Events, OpenError> {
        if self.closing.is_cancelled() {
            return Err(OpenError::Closing);
        }
        let slot = self.slots.acquire(&token.client_id);
        let slot = slot.ok_or(OpenError::Limit)?;
        let events = self.auth.revocation_events(position).await;
        let (sender, receiver) = mpsc::channel(BUFFER);
        let stream = EventStream {
            events: events.map_err(OpenError::Auth)?,
            token,
            revoked_keys,
            revocations: self.revocations.clone(),
            clock: Arc::clone(&self.clock),
            sender,
        };
        let closing = self.closing.clone();
        tokio::spawn(async move { closing.run_until_cancelled(stream.run()).await });
        Ok(Events {
            receiver,
            _slot: slot,
        })
    }
}

/// A stream, which a task of its own reads, so that a receiver that takes nothing does not keep it.
struct EventStream {
    events: RevocationEvents,
    token: Arc<Claims>,
    revocations: RevocationWatcher,
    /// Number of signing keys that were revoked before. One that is revoked later may be that of the token.
    revoked_keys: u64,
    clock: Arc<dyn Clock>,
    sender: mpsc::Sender<Result<Event, Infallible>>,
}

impl EventStream {
    async fn run(mut self) {
        // A message arrives each second, so that the end of the token is noticed in time. The receiver learns of it, too.
        while let Some((id, event)) = self.events.next().await {
            let event = Event::default()
                .id(id.to_string())
                .retry(RETRY)
                .json_data(event);
            let Ok(event) = event else {
                return;
            };
            if !self.send(event).await || !self.is_token_valid() {
                return;
            }
        }
    }

    /// False also while it is unknown what was revoked.
    fn is_token_valid(&self) -> bool {
        let ids = RevocableIds::from(&*self.token);
        let is_revoked = self.revocations.is_revoked(ids)
            || self.revocations.revoked_keys() != self.revoked_keys;
        self.token.expires_at > self.now() && !is_revoked && self.revocations.is_current()
    }

    fn now(&self) -> OffsetDateTime {
        let by_issuer = self.revocations.issuer_now();
        by_issuer.unwrap_or_else(|| self.clock.now())
    }

    /// False if the receiver is gone or does not read.
    async fn send(&self, event: Event) -> bool {
        let sent = timeout(SEND_TIMEOUT, self.sender.send(Ok(event))).await;
        matches!(sent, Ok(Ok(())))
    }
}
