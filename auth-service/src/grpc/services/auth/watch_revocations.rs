//! `WatchRevocations`: the entries of the revocation log that the caller does not have, then each new one, and a heartbeat each second.

use std::{pin::Pin, sync::Arc, time::Duration};

use auth_proto::v1::{ErrorReason, WatchRevocationsRequest, WatchRevocationsResponse};
use futures_util::{Stream, StreamExt as _, stream};
use holdfast_core::clock::Clock;
use holdfast_identity::revocation::RevocationCache as _;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status};

use crate::{
    grpc::{encode, errors::refuse, services::auth::AuthApi},
    revocation_feed::RevocationFeed,
};

/// The longest time between two messages of a stream.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Entries in one message; at some 60 bytes each, a message stays far below the limit.
const BATCH: usize = 500;
/// Messages of a stream that may wait for the caller to read them.
const BUFFER: usize = 4;
/// How long a message may wait for a place in the buffer before the stream is closed.
const SEND_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) type Responses =
    Pin<Box<dyn Stream<Item = Result<WatchRevocationsResponse, Status>> + Send>>;

pub(super) async fn watch_revocations(
    api: &AuthApi,
    request: Request<WatchRevocationsRequest>,
) -> Result<Responses, Status> {
    Ok(api.streams.open(request.get_ref()).await)
}

/// Opens revocation streams.
#[derive(Clone)]
pub(in crate::grpc::services) struct RevocationStreams {
    pub(in crate::grpc::services) feed: Arc<RevocationFeed>,
    pub(in crate::grpc::services) clock: Arc<dyn Clock>,
    /// Closes every stream, so that streams do not delay the drain.
    pub(in crate::grpc::services) shutdown: CancellationToken,
}

impl RevocationStreams {
    /// Opens a stream. It reads from the feed that all streams share, so that a slow caller occupies only the buffer of its own stream.
    async fn open(&self, request: &WatchRevocationsRequest) -> Responses {
        // The caller may have entries from another instance that this one has not read yet.
        self.feed.catch_up().await;
        let (sender, receiver) = mpsc::channel(BUFFER);
        let (closed, status) = oneshot::channel();
        let stream = RevocationStream::new(self, request, sender);
        let shutdown = self.shutdown.clone();
        tokio::spawn(async move {
            let _ = closed.send(stream.run(shutdown).await);
        });
        // Buffered messages come before the final status, however late the caller reads them.
        let status = stream::once(status).filter_map(async |status| status.ok()?.map(Err));
        messages(receiver).map(Ok).chain(status).boxed()
    }
}

fn messages<T>(receiver: mpsc::Receiver<T>) -> impl Stream<Item = T> {
    stream::unfold(receiver, async |mut receiver| {
        receiver.recv().await.map(|message| (message, receiver))
    })
}

struct RevocationStream {
    feed: Arc<RevocationFeed>,
    clock: Arc<dyn Clock>,
    /// The sequence number of the last entry that was sent.
    position: i64,
    /// Whether the next message begins a snapshot.
    is_snapshot: bool,
    sender: mpsc::Sender<WatchRevocationsResponse>,
}

/// Why a stream ends.
enum End {
    Disconnected,
    Status(Status),
}

impl RevocationStream {
    fn new(
        RevocationStreams { feed, clock, .. }: &RevocationStreams,
        request: &WatchRevocationsRequest,
        sender: mpsc::Sender<WatchRevocationsResponse>,
    ) -> Self {
        let resumes = request.epoch == feed.epoch().id && request.after_sequence <= feed.newest();
        Self {
            feed: Arc::clone(feed),
            clock: Arc::clone(clock),
            position: if resumes { request.after_sequence } else { 0 },
            is_snapshot: !resumes,
            sender,
        }
    }

    /// Returns the final status, unless the caller has disconnected.
    async fn run(mut self, shutdown: CancellationToken) -> Option<Status> {
        let end = tokio::select! {
            end = self.send_updates() => end,
            () = shutdown.cancelled() => End::Status(Status::unavailable("this instance is shutting down")),
        };
        match end {
            End::Disconnected => None,
            End::Status(status) => {
                tracing::info!(
                    event = "revocation_stream.closed",
                    reason = status.message(),
                    "revocation stream closed by this instance"
                );
                Some(status)
            }
        }
    }

    async fn send_updates(&mut self) -> End {
        let mut newest = self.feed.subscribe();
        loop {
            newest.mark_unchanged();
            if let Err(end) = self.send_new_entries().await {
                return end;
            }
            // A new entry, or the next heartbeat.
            let _ = timeout(HEARTBEAT, newest.changed()).await;
        }
    }

    /// Sends all entries after the position; the last message states that the caller is current.
    async fn send_new_entries(&mut self) -> Result<(), End> {
        loop {
            let batch = self.feed.batch_after(self.position, BATCH);
            let is_last = batch.entries.len() < BATCH;
            if is_last && !batch.is_current {
                let status = Status::unavailable("this instance cannot read its store");
                return Err(End::Status(status));
            }
            if let Some(last) = batch.entries.last() {
                self.position = last.sequence;
            }
            let newest = batch.newest_read;
            let message = WatchRevocationsResponse {
                epoch: self.feed.epoch().id.clone(),
                snapshot: std::mem::take(&mut self.is_snapshot),
                revocations: batch.entries.into_iter().map(encode::revocation).collect(),
                current: is_last,
                newest: if is_last { newest } else { 0 },
                issuer_time: is_last.then(|| encode::timestamp(self.clock.now())),
                announced: newest,
            };
            self.send(message).await?;
            if is_last {
                return Ok(());
            }
        }
    }

    async fn send(&self, message: WatchRevocationsResponse) -> Result<(), End> {
        match timeout(SEND_TIMEOUT, self.sender.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Disconnected),
            Err(_elapsed) => Err(End::Status(refuse(
                ErrorReason::Overloaded,
                "the caller does not read the stream",
            ))),
        }
    }
}
