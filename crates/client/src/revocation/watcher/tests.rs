use auth_proto::v1::WatchRevocationsResponse;
use holdfast_core::clock::ManualClock;
use prost_types::Timestamp;

use super::*;

const STALENESS: Duration = Duration::from_mins(1);

fn nothing_known() -> (RevocationWatcher, ManualClock) {
    let clock = ManualClock::default();
    (
        RevocationWatcher::beside(Arc::new(clock.clone()), STALENESS, Arc::default()),
        clock,
    )
}

fn message(epoch: &str, logins: &[(i64, &str)]) -> WatchRevocationsResponse {
    let hour = ManualClock::default().now().unix_timestamp() + 3600;
    WatchRevocationsResponse {
        epoch: epoch.to_owned(),
        revocations: logins
            .iter()
            .map(|(sequence, sid)| Revocation {
                sequence: *sequence,
                revoked: Some(Revoked::Sid((*sid).to_owned())),
                expires_at: Some(Timestamp {
                    seconds: hour,
                    nanos: 0,
                }),
            })
            .collect(),
        current: true,
        ..Default::default()
    }
}

fn snapshot(epoch: &str, logins: &[(i64, &str)]) -> WatchRevocationsResponse {
    WatchRevocationsResponse {
        snapshot: true,
        ..message(epoch, logins)
    }
}

fn unfinished(message: WatchRevocationsResponse) -> WatchRevocationsResponse {
    WatchRevocationsResponse {
        current: false,
        ..message
    }
}

#[tokio::test(start_paused = true)]
async fn before_the_first_snapshot_nothing_is_known() {
    let (logins, _) = nothing_known();
    assert_eq!(logins.login("a", "e"), LoginState::Unknown);
    assert!(logins.readiness().is_err());
    logins.take_in(unfinished(snapshot("e", &[(1, "b")])));
    assert_eq!(logins.login("a", "e"), LoginState::Unknown);
    logins.take_in(message("e", &[(2, "a")]));
    assert_eq!(logins.login("a", "e"), LoginState::Ended);
    assert_eq!(logins.login("b", "e"), LoginState::Ended);
    assert_eq!(logins.login("c", "e"), LoginState::Live);
    assert!(logins.readiness().is_ok());
}

#[tokio::test(start_paused = true)]
async fn after_a_minute_without_news_nobody_is_let_in_on_old_knowledge() {
    let (logins, _) = nothing_known();
    logins.take_in(snapshot("e", &[(1, "a")]));
    tokio::time::advance(STALENESS).await;
    assert_eq!(logins.login("c", "e"), LoginState::Live);
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(logins.login("c", "e"), LoginState::Unknown);
    assert_eq!(logins.login("a", "e"), LoginState::Ended, "for good");
    assert!(logins.readiness().is_err());
    logins.take_in(message("e", &[]));
    assert_eq!(logins.login("c", "e"), LoginState::Live);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_counts_when_it_is_complete() {
    let (logins, _) = nothing_known();
    logins.take_in(snapshot("e", &[(1, "a")]));
    logins.take_in(unfinished(snapshot("e", &[(1, "b")])));
    assert_eq!(logins.login("a", "e"), LoginState::Ended);
    assert_eq!(logins.login("b", "e"), LoginState::Live, "not yet");
    logins.take_in(message("e", &[]));
    assert_eq!(logins.login("a", "e"), LoginState::Ended, "for good");
    assert_eq!(logins.login("b", "e"), LoginState::Ended);
}

#[tokio::test(start_paused = true)]
async fn logins_of_another_history_have_ended_once_that_is_certain() {
    let (logins, _) = nothing_known();
    logins.take_in(snapshot("old", &[]));
    logins.change(|known| known.is_connected = false);
    assert_eq!(
        logins.login("a", "new"),
        LoginState::Unknown,
        "it may have begun just now"
    );
    logins.take_in(snapshot("new", &[]));
    assert_eq!(logins.login("a", "new"), LoginState::Live);
    assert_eq!(logins.login("b", "old"), LoginState::Ended);
}

#[tokio::test(start_paused = true)]
async fn what_can_hit_nothing_is_forgotten() {
    let (logins, clock) = nothing_known();
    logins.take_in(snapshot("e", &[(1, "a")]));
    clock.advance(Duration::from_hours(2));
    logins.take_in(message("e", &[]));
    assert!(logins.known().ended.logins.is_empty());
    assert_eq!(logins.known().ended.sequence, 1, "the place is kept");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_leaps_and_comes_back_revives_nothing() {
    let (logins, clock) = nothing_known();
    logins.take_in(snapshot("e", &[(1, "a")]));
    clock.leap(time::Duration::days(100));
    logins.take_in(message("e", &[(2, "b")]));
    clock.advance(Duration::from_secs(3));
    logins.take_in(message("e", &[]));
    clock.leap(-time::Duration::days(100));
    logins.take_in(message("e", &[]));
    for sid in ["a", "b"] {
        assert_eq!(logins.login(sid, "e"), LoginState::Ended, "{sid}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_with_a_clock_that_is_ahead_forgets_nothing_that_can_still_hit() {
    let issuer_time = ManualClock::default().now().unix_timestamp();
    let (logins, clock) = nothing_known();
    clock.advance(Duration::from_hours(400 * 24));
    logins.take_in(WatchRevocationsResponse {
        issuer_time: Some(Timestamp {
            seconds: issuer_time,
            nanos: 0,
        }),
        ..snapshot("e", &[(1, "a")])
    });
    assert_eq!(logins.login("a", "e"), LoginState::Ended);
}

fn heartbeat(issuer_time: OffsetDateTime) -> WatchRevocationsResponse {
    WatchRevocationsResponse {
        issuer_time: Some(Timestamp {
            seconds: issuer_time.unix_timestamp(),
            nanos: 0,
        }),
        ..message("e", &[])
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_of_auth_service_goes_on_between_two_heartbeats() {
    let (logins, clock) = nothing_known();
    logins.take_in(message("e", &[]));
    assert_eq!(logins.issuer_now(), None, "an earlier version does not say");
    let ahead = clock.now() + Duration::from_mins(2);
    logins.take_in(heartbeat(ahead));
    assert_eq!(logins.issuer_now(), Some(ahead));
    clock.leap(time::Duration::HOUR);
    assert_eq!(logins.issuer_now(), Some(ahead), "no time has passed");
    clock.advance(Duration::from_secs(5));
    assert_eq!(logins.issuer_now(), Some(ahead + Duration::from_secs(5)));
}

#[tokio::test(start_paused = true)]
async fn clocks_that_differ_by_more_than_thirty_seconds_are_warned_of_once_in_a_while() {
    let (logins, clock) = nothing_known();
    let warned_at = || logins.known().skew_warned_at;
    let apart = |seconds| clock.now() + time::Duration::seconds(seconds);
    for seconds in [0, 30, -30] {
        logins.take_in(heartbeat(apart(seconds)));
        assert_eq!(warned_at(), None, "{seconds}");
    }
    for seconds in [31, -31] {
        clock.advance(Duration::from_secs(1));
        let uptime = clock.uptime();
        logins.take_in(heartbeat(apart(seconds)));
        assert_eq!(warned_at(), Some(uptime), "{seconds}");
        clock.advance(WARN_AGAIN_AFTER.saturating_sub(Duration::from_secs(1)));
        logins.take_in(heartbeat(apart(seconds)));
        assert_eq!(warned_at(), Some(uptime), "not again yet");
        clock.advance(Duration::from_secs(1));
        logins.take_in(heartbeat(apart(seconds)));
        assert_eq!(warned_at(), Some(clock.uptime()));
        logins.take_in(heartbeat(apart(0)));
        assert_eq!(warned_at(), None);
    }
}
