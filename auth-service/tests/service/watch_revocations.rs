use std::time::{Duration, Instant};

use auth_proto::v1::{
    Consistency, Revocation, ValidateTokenRequest, WatchRevocationsRequest,
    WatchRevocationsResponse, auth_service_client::AuthServiceClient, revocation::Revoked,
};
use tonic::{
    Code, Status, Streaming,
    transport::{Channel, Endpoint},
};

use crate::support::{TestService, assert_refused, from_web_service, minutes, rounds};

/// The least that HTTP/2 allows, about.
const NARROW: u32 = 64 * 1024;

/// Longer than the service waits for a watcher to read.
const CUT_AFTER: Duration = Duration::from_secs(3);

/// A watcher and what it knows.
struct Watcher {
    stream: Streaming<WatchRevocationsResponse>,
    epoch: String,
    known: Vec<Revocation>,
    /// Up to which number it knows everything.
    newest: i64,
    snapshots: usize,
}

impl Watcher {
    async fn begin(service: &TestService, epoch: &str, after_sequence: i64) -> Self {
        Self::over(service.auth(), epoch, after_sequence).await
    }

    /// One that leaves no more than 64 KiB unread before its side of the connection is full.
    async fn narrow(service: &TestService) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{}", service.address)).unwrap();
        let narrow = endpoint
            .initial_stream_window_size(NARROW)
            .initial_connection_window_size(NARROW);
        let channel = narrow.connect().await.unwrap();
        Self::over(AuthServiceClient::new(channel), "", 0).await
    }

    async fn over(
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
            known: Vec::new(),
            newest: 0,
            snapshots: 0,
        }
    }

    /// Reads until it knows everything.
    async fn catch_up(&mut self) {
        while !self.read().await.unwrap().unwrap() {}
    }

    /// Whether it is current after the next message.
    async fn read(&mut self) -> Result<Option<bool>, Status> {
        let message = self.stream.message().await?;
        Ok(message.map(|message| {
            self.epoch = message.epoch;
            self.snapshots += usize::from(message.snapshot);
            self.known.extend(message.revocations);
            self.newest = self.newest.max(message.newest);
            message.current
        }))
    }

    fn sids(&self) -> Vec<&str> {
        let sids = self.known.iter().filter_map(|one| match &one.revoked {
            Some(Revoked::Sid(sid)) => Some(sid.as_str()),
            _ => None,
        });
        sids.collect()
    }

    fn position(&self) -> i64 {
        self.known.last().map_or(0, |last| last.sequence)
    }

    /// In order, and none twice.
    fn assert_in_order(&self) {
        let is_in_order = self
            .known
            .windows(2)
            .all(|pair| pair[0].sequence < pair[1].sequence);
        assert!(is_in_order);
    }
}

async fn service() -> TestService {
    let service = TestService::start().await;
    service.add_user("ada", false).await;
    service
}

/// Ends a login that has tokens; gives its `sid` and the number by which that is told.
async fn end_login(service: &TestService) -> (String, i64) {
    let login = service.login("ada").await;
    let issued = service.try_exchange(&login.login_ticket, "").await;
    let revocation_sequence = service.revoke(&issued.unwrap().refresh_token).await;
    (login.sid, revocation_sequence)
}

/// The same, for who needs no number.
async fn end_one(service: &TestService) -> String {
    end_login(service).await.0
}

#[tokio::test]
async fn caller_without_service_identity_is_refused() {
    let service = service().await;
    let request = WatchRevocationsRequest::default();
    let refused = service.auth().watch_revocations(request).await;
    assert_refused(refused, Code::PermissionDenied, "SERVICE_IDENTITY_REQUIRED");
}

#[tokio::test]
async fn revocation_answer_names_its_sequence() {
    let service = service().await;
    let mut watcher = Watcher::begin(&service, "", 0).await;
    watcher.catch_up().await;
    for round in 1..=5 {
        let (sid, revocation_sequence) = end_login(&service).await;
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
    let service = service().await;
    let first = end_one(&service).await;
    let mut watcher = Watcher::begin(&service, "", 0).await;
    watcher.catch_up().await;
    assert_eq!(watcher.sids(), [first.as_str()]);
    assert_eq!(watcher.snapshots, 1);

    let begun = Instant::now();
    let second = end_one(&service).await;
    watcher.catch_up().await;
    assert_eq!(watcher.sids(), [first.as_str(), second.as_str()]);
    assert!(begun.elapsed() < Duration::from_millis(500));

    assert_eq!(watcher.read().await.unwrap(), Some(true), "nothing new");
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert_eq!(watcher.known.len(), 2);
}

#[tokio::test]
async fn resumed_stream_sends_missed_entries_only() {
    let service = service().await;
    end_one(&service).await;
    let mut watcher = Watcher::begin(&service, "", 0).await;
    watcher.catch_up().await;
    let (epoch, position) = (watcher.epoch.clone(), watcher.position());
    drop(watcher);
    let missed = end_one(&service).await;

    let mut again = Watcher::begin(&service, &epoch, position).await;
    again.catch_up().await;
    assert_eq!(again.sids(), [missed.as_str()]);
    assert_eq!(again.snapshots, 0);

    let mut stranger = Watcher::begin(&service, "another", position).await;
    stranger.catch_up().await;
    assert_eq!((stranger.sids().len(), stranger.snapshots), (2, 1));
    let mut from_the_future = Watcher::begin(&service, &epoch, position + 1000).await;
    from_the_future.catch_up().await;
    assert_eq!(from_the_future.sids().len(), 2);
}

#[tokio::test]
async fn restart_keeps_entries_and_sequence() {
    let service = service().await;
    let ended = end_one(&service).await;
    let issued = service.tokens("ada", "profile").await;
    service.revoke(&issued.access_token).await;
    let mut before = Watcher::begin(&service, "", 0).await;
    before.catch_up().await;
    let (epoch, position) = (before.epoch.clone(), before.position());
    drop(before);

    let service = service.restart().await;

    let mut after = Watcher::begin(&service, "", 0).await;
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
    let service = service().await;
    let issued = service.tokens("ada", "profile").await;
    service.revoke(&issued.access_token).await;
    service.clock.advance(minutes(15));
    let mut watcher = Watcher::begin(&service, "", 0).await;
    watcher.catch_up().await;
    assert_eq!(watcher.known.len(), 1, "clocks may differ");

    service.clock.advance(minutes(2));
    end_one(&service).await;
    let mut watcher = Watcher::begin(&service, "", 0).await;
    watcher.catch_up().await;
    assert_eq!(watcher.known.len(), 1);
    assert_eq!(watcher.sids().len(), 1, "the login's, not the token's");
}

#[tokio::test]
async fn burst_reaches_reader_and_slow_watcher_is_disconnected() {
    let service = service().await;
    let mut reader = Watcher::begin(&service, "", 0).await;
    let mut deaf = Watcher::narrow(&service).await;
    reader.catch_up().await;

    service.end_many(10_000).await;

    let begun = Instant::now();
    while reader.known.len() < 10_000 {
        reader.catch_up().await;
    }
    assert_eq!(reader.known.len(), 10_000);
    reader.assert_in_order();
    assert!(begun.elapsed() < Duration::from_secs(10));
    let ended = end_one(&service).await;
    reader.catch_up().await;
    assert_eq!(reader.sids().last(), Some(&ended.as_str()), "others go on");

    // Once it reads again, it learns that it was cut: what waited for it is bounded.
    tokio::time::sleep(CUT_AFTER).await;
    let cut = loop {
        match deaf.read().await {
            Ok(Some(_)) => assert!(deaf.known.len() < 10_000, "it got everything"),
            Ok(None) => panic!("it does not learn why"),
            Err(cut) => break cut,
        }
    };
    assert_eq!(cut.code(), Code::ResourceExhausted, "{cut:?}");
}

#[tokio::test]
async fn stream_resumed_many_times_misses_nothing() {
    let service = service().await;
    let mut ended = Vec::new();
    let mut known: Vec<String> = Vec::new();
    let (mut epoch, mut position) = (String::new(), 0);
    for _ in 0..rounds(100) {
        ended.push(end_one(&service).await);
        let mut watcher = Watcher::begin(&service, &epoch, position).await;
        watcher.catch_up().await;
        known.extend(watcher.sids().into_iter().map(str::to_owned));
        position = position.max(watcher.position());
        epoch.clone_from(&watcher.epoch);
    }
    assert_eq!(known, ended);
}

#[tokio::test]
async fn ended_login_is_refused_at_each_consistency() {
    let service = service().await;
    let issued = service.tokens("ada", "profile").await;
    service.revoke(&issued.refresh_token).await;
    for consistency in [Consistency::Local, Consistency::Strong] {
        let request = ValidateTokenRequest {
            access_token: issued.access_token.clone(),
            consistency: consistency.into(),
            ..Default::default()
        };
        let answer = service.auth().validate_token(request).await;
        assert_refused(answer, Code::Unauthenticated, "LOGIN_ENDED");
    }
}
