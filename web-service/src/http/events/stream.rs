//! From the revocation stream of auth-service to the body of a response.

use std::{convert::Infallible, time::Duration};

use axum::response::sse::Event;
use holdfast_client::{AuthClient, EventId, RevocationEvents};
use holdfast_metrics::Registry;
use tokio::{sync::mpsc, time::timeout};

use crate::http::{
    api::problem::Problem,
    events::{
        receivers::{HeldToken, Receiver, Receivers},
        slots::Slot,
    },
    extract::access_token::{OwnToken, ReadRevocations},
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
    receivers: Receivers,
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
    pub const fn new(auth: AuthClient, receivers: Receivers) -> Self {
        Self { auth, receivers }
    }

    /// Closes all streams, which would delay the drain, and opens no further ones.
    pub fn close(&self) {
        self.receivers.close();
    }

    /// Adds the number of open streams to a registry.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "event_streams_open",
            "Streams of revocations that applications have opened (`/events/revocations`)",
            self.receivers.gauge(),
        );
    }

    /// Opens a stream of everything after `position`, for the holder of an access token. It ends with the token.
    pub(super) async fn open(
        &self,
        position: EventId,
        token: OwnToken<ReadRevocations>,
    ) -> Result<Events, Problem> {
        let Receiver {
            slot,
            token,
            closing,
        } = self.receivers.admit(token)?;
        let events = self.auth.revocation_events(position).await;
        let (sender, receiver) = mpsc::channel(BUFFER);
        let stream = EventStream {
            events: events.map_err(Problem::for_credential)?,
            token,
            sender,
        };
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
    token: HeldToken,
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
            if !self.send(event).await || !self.token.is_valid() {
                return;
            }
        }
    }

    /// False if the receiver is gone or does not read.
    async fn send(&self, event: Event) -> bool {
        let sent = timeout(SEND_TIMEOUT, self.sender.send(Ok(event))).await;
        matches!(sent, Ok(Ok(())))
    }
}
