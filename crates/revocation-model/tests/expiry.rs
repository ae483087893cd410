//! Clocks that differ revive no revoked token, and refuse no fresh one; with a smaller tolerance they do.

use holdfast_revocation_model::expiry::{ACCEPTED_AT_ONCE, REVOKED_STAYS_REVOKED, Tolerances};
use stateright::{Checker as _, Model as _};

#[test]
fn clocks_within_the_tolerances_revive_no_token() {
    let checker = Tolerances::DEFAULT.checker().spawn_bfs().join();
    checker.assert_properties();
}

#[test]
fn entry_that_is_removed_with_its_token_revives_it() {
    let tolerances = Tolerances {
        margin: Tolerances::DEFAULT.leeway,
        ..Tolerances::DEFAULT
    };
    let checker = tolerances.checker().spawn_bfs().join();
    checker.assert_any_discovery(REVOKED_STAYS_REVOKED);
}

#[test]
fn fresh_token_without_leeway_is_refused() {
    let tolerances = Tolerances {
        leeway: 0,
        ..Tolerances::DEFAULT
    };
    let checker = tolerances.checker().spawn_bfs().join();
    checker.assert_any_discovery(ACCEPTED_AT_ONCE);
}
