//! `AuthService/WatchRevocations`: snapshot, entries, heartbeats and resumption of the revocation stream.

use std::time::{Duration, Instant};

use auth_proto::v1::{
    Revocation, WatchRevocationsRequest, WatchRevocationsResponse,
    auth_service_client::AuthServiceClient, revocation::Revoked,
};
use tonic::{
    Code, Status, Streaming,
    transport::{Channel, Endpoint},
};

use crate::support::{TestService, assert_refused, from_web_service, minutes, rounds};

/// The window of a slow watcher, about the smallest that HTTP/2 allows.
const WINDOW: u32 = 64 * 1024;

/// Heartbeats, one each second, in which the two seconds pass that the service waits for a watcher to read.
const HEARTBEATS_TO_DISCONNECT: usize = 4;

/// A revocation stream and what was received over it.
struct Watcher {
    stream: Streaming<WatchRevocationsResponse>,
    epoch: String,
    entries: Vec<Revocation>,
    /// The newest `revocation_sequence` that the stream covers.
    newest: i64,
    /// The newest entry that the last message announced.
    announced: i64,
    snapshots: usize,
}

impl Watcher {
    async fn start(service: &TestService, epoch: &str, after_sequence: i64) -> Self {
        Self::on_client(service.auth(), epoch, after_sequence).await
    }

    /// A watcher whose connection holds at most 64 KiB of unread messages.
    async fn small_window(service: &TestService) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{}", service.address)).unwrap();
        let small_window = endpoint
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW);
        let channel = small_window.connect().await.unwrap();
        Self::on_client(AuthServiceClient::new(channel), "", 0).await
    }

    async fn on_client(
        mut client: AuthServiceClient<Channel>,
        epoch: &str,
        after_sequence: i64,
    ) -> Self {
        let request = from_web_service(WatchRevocationsRequest {
            epoch: epoch.to_owned(),
            after_sequence,
        });
        let stream = client.watch_revocations(request).await.unwrap();
        Self {
            stream: stream.into_inner(),
            epoch: epoch.to_owned(),
            entries: Vec::new(),
            newest: 0,
            announced: 0,
            snapshots: 0,
        }
    }

    /// Reads until the stream is current.
    async fn catch_up(&mut self) {
        while !self.read().await.unwrap().unwrap() {}
    }

    /// Reads a message; returns whether the stream is current after it.
    async fn read(&mut self) -> Result<Option<bool>, Status> {
        let message = self.stream.message().await?;
        Ok(message.map(|message| {
            self.epoch = message.epoch;
            self.snapshots += usize::from(message.snapshot);
            self.entries.extend(message.revocations);
            self.newest = self.newest.max(message.newest);
            self.announced = message.announced;
            message.current
        }))
    }

    fn sids(&self) -> Vec<&str> {
        let sids = self.entries.iter().filter_map(|one| match &one.revoked {
            Some(Revoked::Sid(sid)) => Some(sid.as_str()),
            _ => None,
        });
        sids.collect()
    }

    fn position(&self) -> i64 {
        self.entries.last().map_or(0, |last| last.sequence)
    }

    /// Asserts that entries are in ascending order without repetition.
    fn assert_in_order(&self) {
        let is_in_order = self
            .entries
            .windows(2)
            .all(|pair| pair[0].sequence < pair[1].sequence);
        assert!(is_in_order);
    }
}

/// Ends a login that has tokens; returns its `sid` and the `revocation_sequence`.
async fn end_login_with_sequence(service: &TestService) -> (String, i64) {
    let login = service.login("ada").await;
    let issued = service.try_exchange(&login.login_ticket, "").await;
    let revocation_sequence = service.revoke(&issued.unwrap().refresh_token).await;
    (login.sid, revocation_sequence)
}

/// Ends a login that has tokens; returns its `sid`.
async fn end_login(service: &TestService) -> String {
    end_login_with_sequence(service).await.0
}

#[tokio::test]
async fn caller_without_service_identity_is_refused() {
    let service = TestService::with_user("ada").await;
    let request = WatchRevocationsRequest::default();
    let refused = service.auth().watch_revocations(request).await;
    assert_refused(refused, Code::PermissionDenied, "SERVICE_IDENTITY_REQUIRED");
}

#[tokio::test]
async fn revocation_answer_names_its_sequence() {
    let service = TestService::with_user("ada").await;
    let mut watcher = Watcher::start(&service, "", 0).await;
    watcher.catch_up().await;
    for round in 1..=5 {
        let (sid, revocation_sequence) = end_login_with_sequence(&service).await;
        assert!(revocation_sequence >= round);
        while watcher.newest < revocation_sequence {
            watcher.catch_up().await;
        }
        assert!(watcher.sids().contains(&sid.as_str()));
    }
    assert_eq!(service.revoke("nothing").await, watcher.newest);
}

#[tokio::test]
async fn stream_sends_snapshot_entries_and_heartbeats() {
    let service = TestService::with_user("ada").await;
    let first = end_login(&service).await;
    let mut watcher = Watcher::start(&service, "", 0).await;
    watcher.catch_up().await;
    assert_eq!(watcher.sids(), [first.as_str()]);
    assert_eq!(watcher.snapshots, 1);

    let started = Instant::now();
    let second = end_login(&service).await;
    watcher.catch_up().await;
    assert_eq!(watcher.sids(), [first.as_str(), second.as_str()]);
    assert!(started.elapsed() < Duration::from_millis(500));

    assert_eq!(watcher.read().await.unwrap(), Some(true), "nothing new");
    assert!(started.elapsed() < Duration::from_secs(3));
    assert_eq!(watcher.entries.len(), 2);
}

#[tokio::test]
async fn resumed_stream_sends_missed_entries_only() {
    let service = TestService::with_user("ada").await;
    end_login(&service).await;
    let mut watcher = Watcher::start(&service, "", 0).await;
    watcher.catch_up().await;
    let (epoch, position) = (watcher.epoch.clone(), watcher.position());
    drop(watcher);
    let missed = end_login(&service).await;

    let mut resumed = Watcher::start(&service, &epoch, position).await;
    resumed.catch_up().await;
    assert_eq!(resumed.sids(), [missed.as_str()]);
    assert_eq!(resumed.snapshots, 0);

    let mut other_epoch = Watcher::start(&service, "another", position).await;
    other_epoch.catch_up().await;
    assert_eq!((other_epoch.sids().len(), other_epoch.snapshots), (2, 1));
    let mut beyond_newest = Watcher::start(&service, &epoch, position + 1000).await;
    beyond_newest.catch_up().await;
    assert_eq!(beyond_newest.sids().len(), 2);
}

#[tokio::test]
async fn restart_keeps_entries_and_sequence() {
    let service = TestService::with_user("ada").await;
    let ended = end_login(&service).await;
    let issued = service.tokens("ada", "profile").await;
    service.revoke(&issued.access_token).await;
    let mut before = Watcher::start(&service, "", 0).await;
    before.catch_up().await;
    let (epoch, position) = (before.epoch.clone(), before.position());
    drop(before);

    let service = service.restart().await;

    let mut after = Watcher::start(&service, "", 0).await;
    after.catch_up().await;
    assert_eq!(
        (after.epoch.as_str(), after.position()),
        (epoch.as_str(), position)
    );
    assert_eq!(after.sids(), [ended.as_str()]);
    let revoked = service.try_validate(&issued.access_token).await;
    assert_refused(revoked, Code::Unauthenticated, "TOKEN_REVOKED");
}

#[tokio::test]
async fn entry_is_dropped_when_it_can_match_nothing() {
    let service = TestService::with_user("ada").await;
    let issued = service.tokens("ada", "profile").await;
    service.revoke(&issued.access_token).await;
    service.clock.advance(minutes(15));
    let mut watcher = Watcher::start(&service, "", 0).await;
    watcher.catch_up().await;
    assert_eq!(watcher.entries.len(), 1, "the entry is kept for the leeway");

    service.clock.advance(minutes(2));
    end_login(&service).await;
    let mut watcher = Watcher::start(&service, "", 0).await;
    watcher.catch_up().await;
    assert_eq!(watcher.entries.len(), 1);
    assert_eq!(watcher.sids().len(), 1, "the login's, not the token's");
}

#[tokio::test]
async fn message_announces_the_entries_that_follow() {
    let service = TestService::with_user("ada").await;
    service.insert_revocations(600).await;
    let mut watcher = Watcher::start(&service, "", 0).await;
    assert_eq!(watcher.read().await.unwrap(), Some(false));
    assert_eq!((watcher.position(), watcher.announced), (500, 600));
    assert_eq!(watcher.newest, 0, "the caller does not have them yet");
    assert_eq!(watcher.read().await.unwrap(), Some(true));
    assert_eq!((watcher.position(), watcher.announced), (600, 600));
    assert_eq!(watcher.newest, 600);
}

#[tokio::test]
async fn burst_reaches_reader_and_slow_watcher_is_disconnected() {
    let service = TestService::with_user("ada").await;
    let mut reader = Watcher::start(&service, "", 0).await;
    let mut slow = Watcher::small_window(&service).await;
    reader.catch_up().await;

    service.insert_revocations(10_000).await;

    let started = Instant::now();
    while reader.entries.len() < 10_000 {
        reader.catch_up().await;
    }
    assert_eq!(reader.entries.len(), 10_000);
    reader.assert_in_order();
    assert!(started.elapsed() < Duration::from_secs(10));
    let ended = end_login(&service).await;
    reader.catch_up().await;
    assert_eq!(
        reader.sids().last(),
        Some(&ended.as_str()),
        "other watchers are unaffected"
    );

    // The messages that wait for it are bounded: when it reads again, the stream ends with an error.
    // The heartbeats of the other stream are the service's own measure of time.
    for _ in 0..HEARTBEATS_TO_DISCONNECT {
        reader.catch_up().await;
    }
    let error = loop {
        match slow.read().await {
            Ok(Some(_)) => assert!(
                slow.entries.len() < 10_000,
                "the slow watcher received everything"
            ),
            Ok(None) => panic!("the stream ended without an error"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), Code::ResourceExhausted, "{error:?}");
}

#[tokio::test]
async fn stream_resumed_many_times_misses_nothing() {
    let service = TestService::with_user("ada").await;
    let mut ended = Vec::new();
    let mut entries: Vec<String> = Vec::new();
    let (mut epoch, mut position) = (String::new(), 0);
    for _ in 0..rounds(100) {
        ended.push(end_login(&service).await);
        let mut watcher = Watcher::start(&service, &epoch, position).await;
        watcher.catch_up().await;
        entries.extend(watcher.sids().into_iter().map(str::to_owned));
        position = position.max(watcher.position());
        epoch.clone_from(&watcher.epoch);
    }
    assert_eq!(entries, ended);
}
