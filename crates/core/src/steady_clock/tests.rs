use super::*;
use crate::clock::ManualClock;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

fn steady() -> (SteadyClock, ManualClock) {
    let clock = ManualClock::default();
    (SteadyClock::new(Arc::new(clock.clone())), clock)
}

fn resume(earlier: Checkpoint, clock: &ManualClock) -> SteadyClock {
    SteadyClock::resume(Arc::new(clock.clone()), earlier)
}

#[test]
fn steady_clock_follows_elapsed_time() {
    let (steady, clock) = steady();
    clock.advance(DAY * 400);
    assert_eq!(steady.now(), clock.now());
}

#[test]
fn leap_that_is_undone_has_no_effect() {
    for (minutes, seconds) in [(16, 1), (100 * 24 * 60, 3), (-16, 1)] {
        let (steady, clock) = steady();
        let start = clock.now();
        assert_eq!(steady.now(), start);
        clock.leap(time::Duration::minutes(minutes));
        assert!(steady.now() <= start, "{minutes}");
        clock.advance(Duration::from_secs(seconds));
        assert!(steady.now() <= start + Duration::from_secs(seconds));
        clock.leap(time::Duration::minutes(-minutes));
        assert_eq!(steady.now(), clock.now(), "{minutes}");
    }
}

#[test]
fn steady_clock_follows_a_clock_that_was_set_back() {
    let (steady, clock) = steady();
    clock.leap(-time::Duration::HOUR);
    assert_eq!(steady.now(), clock.now());
}

#[test]
fn clock_is_accepted_a_day_after_a_leap() {
    let (steady, clock) = steady();
    let start = clock.now();
    clock.leap(time::Duration::days(400));
    steady.now();
    for hour in 1..24_u32 {
        clock.advance(HOUR);
        assert_eq!(steady.now(), start + HOUR * hour);
    }
    clock.advance(HOUR);
    assert_eq!(steady.now(), clock.now());
}

#[test]
fn another_leap_restarts_the_day() {
    let (steady, clock) = steady();
    let start = clock.now();
    for turn in 1..=4 {
        clock.leap(time::Duration::days(1));
        steady.now();
        clock.advance(HOUR * 23);
        assert_eq!(steady.now(), start + HOUR * 23 * turn);
    }
}

#[test]
fn small_adjustment_is_followed_slowly() {
    let (steady, clock) = steady();
    let start = clock.now();
    clock.leap(time::Duration::seconds(25));
    assert_eq!(steady.now(), start);
    clock.advance(MINUTE);
    assert_eq!(steady.now(), start + MINUTE + Duration::from_secs(3));
    clock.advance(MINUTE * 10);
    assert_eq!(steady.now(), clock.now());
}

#[test]
fn many_small_adjustments_count_as_a_leap() {
    let (steady, clock) = steady();
    let start = clock.now();
    for _ in 0..100 {
        clock.leap(time::Duration::seconds(25));
        steady.now();
    }
    assert_eq!(steady.now(), start);
}

#[test]
fn leap_between_two_processes_is_detected() {
    let (steady, clock) = steady();
    let earlier = steady.checkpoint();
    clock.leap(time::Duration::days(400));
    let steady = resume(earlier, &clock);
    clock.advance(HOUR * 23);
    assert_eq!(steady.now(), earlier.steady + HOUR * 23);
    let again = resume(steady.checkpoint(), &clock);
    clock.leap(-time::Duration::days(400));
    assert_eq!(again.now(), clock.now());
}

#[test]
fn stop_is_accepted_after_a_day_across_restarts() {
    let (steady, clock) = steady();
    let mut earlier = steady.checkpoint();
    for _ in 0..4 {
        clock.advance(HOUR * 16);
        let steady = resume(earlier, &clock);
        assert_eq!(
            steady.now(),
            earlier.steady,
            "only the clock shows the length of the stop"
        );
        clock.advance(HOUR * 8);
        earlier = steady.checkpoint();
    }
    assert!(clock.now() - earlier.steady < HOUR * 24);
}

#[test]
fn operator_may_accept_the_clock() {
    let (steady, clock) = steady();
    clock.leap(time::Duration::days(400));
    assert!(steady.now() < clock.now());
    steady.accept(clock.now() + DAY);
    assert_eq!(steady.now(), clock.now());
}
