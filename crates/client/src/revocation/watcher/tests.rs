use auth_proto::v1::{Revocation, revocation::Revoked};
use holdfast_core::clock::ManualClock;
use prost_types::Timestamp;

use super::*;
use crate::revocation::clock_skew::WARN_INTERVAL;

const STALENESS: Duration = Duration::from_mins(1);

fn new_watcher() -> (RevocationWatcher, ManualClock) {
    let clock = ManualClock::default();
    (
        RevocationWatcher::with_pending(Arc::new(clock.clone()), STALENESS, Arc::default()),
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

fn incomplete(message: WatchRevocationsResponse) -> WatchRevocationsResponse {
    WatchRevocationsResponse {
        current: false,
        ..message
    }
}

#[tokio::test(start_paused = true)]
async fn login_before_first_snapshot_is_unknown() {
    let (watcher, _) = new_watcher();
    assert_eq!(watcher.login_state("a", "e"), LoginState::Unknown);
    assert!(watcher.readiness().is_err());
    watcher.apply(incomplete(snapshot("e", &[(1, "b")])));
    assert_eq!(watcher.login_state("a", "e"), LoginState::Unknown);
    watcher.apply(message("e", &[(2, "a")]));
    assert_eq!(watcher.login_state("a", "e"), LoginState::Ended);
    assert_eq!(watcher.login_state("b", "e"), LoginState::Ended);
    assert_eq!(watcher.login_state("c", "e"), LoginState::Live);
    assert!(watcher.readiness().is_ok());
}

#[tokio::test(start_paused = true)]
async fn login_is_unknown_after_max_staleness_without_message() {
    let (watcher, _) = new_watcher();
    watcher.apply(snapshot("e", &[(1, "a")]));
    tokio::time::advance(STALENESS).await;
    assert_eq!(watcher.login_state("c", "e"), LoginState::Live);
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(watcher.login_state("c", "e"), LoginState::Unknown);
    assert_eq!(
        watcher.login_state("a", "e"),
        LoginState::Ended,
        "revocations stay"
    );
    assert!(watcher.readiness().is_err());
    watcher.apply(message("e", &[]));
    assert_eq!(watcher.login_state("c", "e"), LoginState::Live);
}

#[tokio::test(start_paused = true)]
async fn snapshot_applies_when_complete() {
    let (watcher, _) = new_watcher();
    watcher.apply(snapshot("e", &[(1, "a")]));
    watcher.apply(incomplete(snapshot("e", &[(1, "b")])));
    assert_eq!(watcher.login_state("a", "e"), LoginState::Ended);
    assert_eq!(watcher.login_state("b", "e"), LoginState::Live, "not yet");
    watcher.apply(message("e", &[]));
    assert_eq!(
        watcher.login_state("a", "e"),
        LoginState::Ended,
        "revocations stay"
    );
    assert_eq!(watcher.login_state("b", "e"), LoginState::Ended);
}

#[tokio::test(start_paused = true)]
async fn login_of_previous_epoch_is_ended_after_snapshot() {
    let (watcher, _) = new_watcher();
    watcher.apply(snapshot("old", &[]));
    watcher.update(|state| state.is_connected = false);
    assert_eq!(
        watcher.login_state("a", "new"),
        LoginState::Unknown,
        "it may have begun just now"
    );
    watcher.apply(snapshot("new", &[]));
    assert_eq!(watcher.login_state("a", "new"), LoginState::Live);
    assert_eq!(watcher.login_state("b", "old"), LoginState::Ended);
}

#[tokio::test(start_paused = true)]
async fn expired_entry_is_removed() {
    let (watcher, clock) = new_watcher();
    watcher.apply(snapshot("e", &[(1, "a")]));
    clock.advance(Duration::from_hours(2));
    watcher.apply(message("e", &[]));
    assert!(watcher.state().set.logins.is_empty());
    assert_eq!(watcher.state().set.sequence, 1, "the sequence stays");
}

#[tokio::test(start_paused = true)]
async fn announced_entries_are_counted_until_they_apply() {
    let (watcher, _) = new_watcher();
    let announcing = |announced, message: WatchRevocationsResponse| WatchRevocationsResponse {
        announced,
        newest: if message.current { announced } else { 0 },
        ..message
    };
    let state = || {
        let state = watcher.state();
        (state.set.position(), state.entries_behind())
    };
    assert_eq!(state(), (0, None), "the stream is not open");
    watcher.apply(announcing(
        9,
        incomplete(snapshot("e", &[(1, "a"), (5, "b")])),
    ));
    assert_eq!(state(), (0, Some(9)), "a snapshot applies when complete");
    // The newest entries have expired.
    watcher.apply(announcing(9, message("e", &[(7, "c")])));
    assert_eq!(state(), (9, Some(0)));
    watcher.apply(announcing(20, incomplete(message("e", &[(12, "d")]))));
    assert_eq!(state(), (12, Some(8)), "other entries apply at once");
    // Another instance has not read them yet.
    watcher.apply(announcing(15, message("e", &[(15, "f")])));
    assert_eq!(state(), (15, Some(5)));
    watcher.apply(announcing(4, incomplete(snapshot("restored", &[(3, "g")]))));
    assert_eq!(state(), (15, Some(4)), "none of the new log");
    watcher.apply(announcing(4, message("restored", &[])));
    assert_eq!(state(), (4, Some(0)));
    watcher.update(|state| state.is_connected = false);
    assert_eq!(state(), (4, None));
}

#[tokio::test(start_paused = true)]
async fn clock_leap_and_return_keeps_entries() {
    let (watcher, clock) = new_watcher();
    watcher.apply(snapshot("e", &[(1, "a")]));
    clock.leap(time::Duration::days(100));
    watcher.apply(message("e", &[(2, "b")]));
    clock.advance(Duration::from_secs(3));
    watcher.apply(message("e", &[]));
    clock.leap(-time::Duration::days(100));
    watcher.apply(message("e", &[]));
    for sid in ["a", "b"] {
        assert_eq!(watcher.login_state(sid, "e"), LoginState::Ended, "{sid}");
    }
}

#[tokio::test(start_paused = true)]
async fn clock_ahead_at_start_keeps_entries() {
    let issuer_time = ManualClock::default().now().unix_timestamp();
    let (watcher, clock) = new_watcher();
    clock.advance(Duration::from_hours(400 * 24));
    watcher.apply(WatchRevocationsResponse {
        issuer_time: Some(Timestamp {
            seconds: issuer_time,
            nanos: 0,
        }),
        ..snapshot("e", &[(1, "a")])
    });
    assert_eq!(watcher.login_state("a", "e"), LoginState::Ended);
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
async fn issuer_time_advances_between_heartbeats() {
    let (watcher, clock) = new_watcher();
    watcher.apply(message("e", &[]));
    assert_eq!(
        watcher.issuer_now(),
        None,
        "an earlier version does not report it"
    );
    let ahead = clock.now() + Duration::from_mins(2);
    watcher.apply(heartbeat(ahead));
    assert_eq!(watcher.issuer_now(), Some(ahead));
    clock.leap(time::Duration::HOUR);
    assert_eq!(watcher.issuer_now(), Some(ahead), "no time has passed");
    clock.advance(Duration::from_secs(5));
    assert_eq!(watcher.issuer_now(), Some(ahead + Duration::from_secs(5)));
}

#[tokio::test(start_paused = true)]
async fn clock_skew_above_thirty_seconds_warns_every_ten_minutes() {
    let (watcher, clock) = new_watcher();
    let warned_at = || watcher.state().issuer_clock.warned_at;
    let apart = |seconds| clock.now() + time::Duration::seconds(seconds);
    for seconds in [0, 30, -30] {
        watcher.apply(heartbeat(apart(seconds)));
        assert_eq!(warned_at(), None, "{seconds}");
    }
    for seconds in [31, -31] {
        clock.advance(Duration::from_secs(1));
        let uptime = clock.uptime();
        watcher.apply(heartbeat(apart(seconds)));
        assert_eq!(warned_at(), Some(uptime), "{seconds}");
        clock.advance(WARN_INTERVAL.saturating_sub(Duration::from_secs(1)));
        watcher.apply(heartbeat(apart(seconds)));
        assert_eq!(warned_at(), Some(uptime), "not again yet");
        clock.advance(Duration::from_secs(1));
        watcher.apply(heartbeat(apart(seconds)));
        assert_eq!(warned_at(), Some(clock.uptime()));
        watcher.apply(heartbeat(apart(0)));
        assert_eq!(warned_at(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn message_that_waited_while_the_process_was_suspended_is_not_used() {
    let mut progress = Progress::new();
    let slow = async {
        sleep(STALE_AFTER).await;
        Some(1)
    };
    assert_eq!(progress.or_stopped(slow).await, Some(1));
    let suspended = async {
        tokio::time::advance(STOPPED_AFTER + PROGRESS_INTERVAL).await;
        Some(2)
    };
    assert_eq!(progress.or_stopped(suspended).await, None);
}
