//! The stream of revocations: what the caller missed, then what comes, and a message each second.

use std::{pin::Pin, sync::Arc, time::Duration};

use auth_proto::v1::{ErrorReason, WatchRevocationsRequest, WatchRevocationsResponse};
use futures_util::{Stream, StreamExt as _, stream};
use holdfast_core::clock::Clock;
use holdfast_identity::store::RevocationMemory as _;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use crate::{
    grpc::{encode, errors::refuse},
    revocation_feed::RevocationFeed,
};

/// How often a watcher hears something.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How many entries go into one message; at some 60 bytes each it stays far below the limit of a message.
const BATCH: usize = 500;

/// How many messages may wait for a watcher to read them, and how long one may wait for a place among them.
const AHEAD: usize = 4;
const PATIENCE: Duration = Duration::from_secs(2);

pub(in crate::grpc) type Responses =
    Pin<Box<dyn Stream<Item = Result<WatchRevocationsResponse, Status>> + Send>>;

/// What watchers are told from.
#[derive(Clone)]
pub(in crate::grpc) struct Watchers {
    pub(in crate::grpc) feed: Arc<RevocationFeed>,
    pub(in crate::grpc) clock: Arc<dyn Clock>,
    /// Ends every stream: they would hold up the drain.
    pub(in crate::grpc) shutdown: CancellationToken,
}

impl Watchers {
    /// Begins a stream. It reads from what all share, so one that is slow costs a few messages and disturbs nobody.
    pub(in crate::grpc) async fn begin(&self, request: &WatchRevocationsRequest) -> Responses {
        // The watcher may know more than this instance: it heard another one.
        self.feed.catch_up().await;
        let (sender, receiver) = mpsc::channel(AHEAD);
        let (end, ended) = oneshot::channel();
        let watcher = Watcher::new(self, request, sender);
        let shutdown = self.shutdown.clone();
        tokio::spawn(async move {
            let _ = end.send(watcher.run(shutdown).await);
        });
        // What waits for the watcher comes first, and why there is no more comes last, whenever it reads that.
        let last_word = stream::once(ended).filter_map(async |end| end.ok()?.map(Err));
        messages(receiver).map(Ok).chain(last_word).boxed()
    }
}

fn messages<T>(receiver: mpsc::Receiver<T>) -> impl Stream<Item = T> {
    stream::unfold(receiver, async |mut receiver| {
        receiver.recv().await.map(|message| (message, receiver))
    })
}

struct Watcher {
    feed: Arc<RevocationFeed>,
    clock: Arc<dyn Clock>,
    position: i64,
    is_snapshot: bool,
    sender: mpsc::Sender<WatchRevocationsResponse>,
}

/// Why a stream ends.
enum End {
    Gone,
    Status(Status),
}

impl Watcher {
    fn new(
        Watchers { feed, clock, .. }: &Watchers,
        request: &WatchRevocationsRequest,
        sender: mpsc::Sender<WatchRevocationsResponse>,
    ) -> Self {
        let follows = request.epoch == feed.epoch().id && request.after_sequence <= feed.newest();
        Self {
            feed: Arc::clone(feed),
            clock: Arc::clone(clock),
            position: if follows { request.after_sequence } else { 0 },
            is_snapshot: !follows,
            sender,
        }
    }

    /// Gives what the watcher is to be told at the end, if it is still there.
    async fn run(mut self, shutdown: CancellationToken) -> Option<Status> {
        let end = tokio::select! {
            end = self.tell() => end,
            () = shutdown.cancelled() => End::Status(Status::unavailable("this instance stops")),
        };
        match end {
            End::Gone => None,
            End::Status(status) => {
                let reason = status.message();
                tracing::info!(reason, "a watcher of revocations was cut");
                Some(status)
            }
        }
    }

    async fn tell(&mut self) -> End {
        let mut newest = self.feed.follow();
        loop {
            newest.mark_unchanged();
            if let Err(end) = self.tell_all_there_is().await {
                return end;
            }
            // What comes first: an entry, or the next second.
            let _ = timeout(HEARTBEAT, newest.changed()).await;
        }
    }

    /// The last message says whether that makes the watcher current.
    async fn tell_all_there_is(&mut self) -> Result<(), End> {
        loop {
            let news = self.feed.after(self.position, BATCH);
            let is_last = news.entries.len() < BATCH;
            if is_last && !news.is_current {
                let status = Status::unavailable("this instance cannot read its store");
                return Err(End::Status(status));
            }
            if let Some(last) = news.entries.last() {
                self.position = last.sequence;
            }
            let message = WatchRevocationsResponse {
                epoch: self.feed.epoch().id.clone(),
                snapshot: std::mem::take(&mut self.is_snapshot),
                revocations: news.entries.into_iter().map(encode::revocation).collect(),
                current: is_last,
                newest: if is_last { news.newest } else { 0 },
                issuer_time: is_last.then(|| encode::timestamp(self.clock.now())),
            };
            self.send(message).await?;
            if is_last {
                return Ok(());
            }
        }
    }

    async fn send(&self, message: WatchRevocationsResponse) -> Result<(), End> {
        match timeout(PATIENCE, self.sender.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_elapsed) => Err(End::Status(refuse(
                Code::ResourceExhausted,
                ErrorReason::Overloaded,
                "the watcher does not read",
            ))),
        }
    }
}
