//! The properties hold in every state, and without any one of the safeguards one of them does not.

use holdfast_revocation_model::{
    ENDS_RESTORED, ENDS_SURVIVE, ENDS_TAKE_EFFECT, Events, NO_FALSE_SIGN_OUT, ONE_SUCCESSOR,
    Safeguards, System,
};
use stateright::{Checker as _, HasDiscoveries, Model as _};

/// Threads that explore.
const THREADS: usize = 2;

const FAILOVER: Events = Events {
    failover: true,
    restore: false,
    refreshes: true,
    stops: false,
};
const RESTORE: Events = Events {
    failover: false,
    restore: true,
    refreshes: true,
    stops: false,
};
const STOPS: Events = Events {
    failover: false,
    restore: false,
    refreshes: false,
    stops: true,
};

/// A system that lacks some safeguards.
fn without(leave_out: impl FnOnce(&mut Safeguards), events: Events) -> System {
    let mut safeguards = Safeguards::ALL;
    leave_out(&mut safeguards);
    System { safeguards, events }
}

/// Explores every state; fails if a property does not hold in one.
fn assert_all_hold(events: Events) {
    let checker = without(|_| (), events).checker().threads(THREADS);
    checker.spawn_bfs().join().assert_properties();
}

/// Explores every state; fails if one of these properties does not hold in one.
fn assert_hold(properties: &[&'static str], system: System) {
    let checker = search(properties, system);
    for property in properties {
        checker.assert_no_discovery(property);
    }
}

/// Explores until this property is violated; fails if it never is.
fn assert_violated(property: &'static str, system: System) {
    let checker = search(&[property], system);
    checker.assert_any_discovery(property);
}

fn search(properties: &[&'static str], system: System) -> impl stateright::Checker<System> + use<> {
    let violated = HasDiscoveries::AnyOf(properties.iter().copied().collect());
    let checker = system.checker().threads(THREADS).finish_when(violated);
    checker.spawn_bfs().join()
}

#[test]
fn all_hold_over_a_failover() {
    assert_all_hold(FAILOVER);
}

#[test]
fn all_hold_over_a_restore() {
    assert_all_hold(RESTORE);
}

#[test]
fn all_hold_over_stops_of_web_service() {
    assert_all_hold(STOPS);
}

#[test]
fn messages_from_before_a_stop_hide_ends() {
    let system = without(|all| all.reconnect_after_stop = false, STOPS);
    assert_violated(ENDS_TAKE_EFFECT, system);
}

#[test]
fn number_without_a_lock_is_skipped_by_a_reader() {
    let system = without(|all| all.numbers_under_lock = false, FAILOVER);
    assert_violated(ENDS_TAKE_EFFECT, system);
}

#[test]
fn demoted_server_hides_ends() {
    let system = without(|all| all.writable_server = false, FAILOVER);
    assert_violated(ENDS_TAKE_EFFECT, system);
}

#[test]
fn new_epoch_at_a_failover_signs_out() {
    let system = without(|all| all.epoch_of_failover = false, FAILOVER);
    assert_violated(NO_FALSE_SIGN_OUT, system);
}

#[test]
fn restored_backup_in_the_same_epoch_revives_logins() {
    let system = without(|all| all.epoch_of_restore = false, RESTORE);
    assert_violated(ENDS_TAKE_EFFECT, system);
}

#[test]
fn state_of_unlimited_age_misses_ends() {
    let system = without(|all| all.max_staleness = false, FAILOVER);
    assert_violated(ENDS_TAKE_EFFECT, system);
}

#[test]
fn stream_of_an_instance_that_cannot_read_misses_ends() {
    let system = without(|all| all.current_streams = false, FAILOVER);
    assert_violated(ENDS_TAKE_EFFECT, system);
}

#[test]
fn refresh_without_a_comparison_has_two_successors() {
    let system = without(|all| all.compare_and_set = false, FAILOVER);
    assert_violated(ONE_SUCCESSOR, system);
}

/// Why OPERATIONS.md asks for a synchronous standby.
#[test]
fn asynchronous_standby_loses_ends_and_generations() {
    let system = without(|all| all.synchronous_standby = false, FAILOVER);
    assert_violated(ENDS_SURVIVE, system);
    assert_violated(ONE_SUCCESSOR, system);
}

/// An end is lost for good only if no instance lives that knew of it, and ends after the failover are in effect.
#[test]
fn asynchronous_standby_loses_no_end_that_an_instance_knows_of() {
    let system = without(|all| all.synchronous_standby = false, FAILOVER);
    // What the properties do not concern would multiply the states.
    let events = Events {
        refreshes: false,
        ..FAILOVER
    };
    let system = System { events, ..system };
    assert_hold(
        &[ENDS_RESTORED, ENDS_TAKE_EFFECT, NO_FALSE_SIGN_OUT],
        system,
    );
}

#[test]
fn end_that_is_not_written_back_is_lost() {
    let system = without(
        |all| {
            all.synchronous_standby = false;
            all.write_back = false;
        },
        FAILOVER,
    );
    assert_violated(ENDS_RESTORED, system);
}

#[test]
fn numbers_of_the_timeline_before_hide_ends() {
    let system = without(
        |all| {
            all.synchronous_standby = false;
            all.numbers_of_timeline = false;
        },
        FAILOVER,
    );
    assert_violated(ENDS_TAKE_EFFECT, system);
}
