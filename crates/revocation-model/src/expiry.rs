//! A model of the expiry of an entry of the revocation log, by clocks that differ and are adjusted.
//!
//! One instance issues an access token, another one verifies it and has the entry that revokes it in memory. The entry is removed when the
//! token has expired, by a steady clock that does not run backwards; the token is accepted by the system clock.

use stateright::{Model, Property};

/// Ticks by which each system clock may differ from the true time.
pub const MAX_SKEW: i8 = 1;
/// Ticks of the lifetime of the token.
const LIFETIME: i8 = 2;
/// Ticks after which nothing changes any more.
const HORIZON: i8 = LIFETIME + 8;

/// An entry that has been removed matches no token.
pub const REVOKED_STAYS_REVOKED: &str = "a revoked token is not accepted";
/// A token that was just issued is accepted by the other instance.
pub const ACCEPTED_AT_ONCE: &str = "a token is accepted as soon as it is issued";

/// The tolerances, in ticks.
#[derive(Clone, Copy, Debug)]
pub struct Tolerances {
    /// By which the times of a token may be exceeded (`LEEWAY`).
    pub leeway: i8,
    /// For which an entry outlives the tokens that it affects (`REVOCATION_MARGIN`).
    pub margin: i8,
}

impl Tolerances {
    /// The leeway covers the difference between two clocks, and the margin the leeway and the adjustment of one: in the same ratio as 30 s and
    /// 60 s to clocks that differ by up to 15 s from the true time.
    pub const DEFAULT: Self = Self {
        leeway: 2 * MAX_SKEW,
        margin: 4 * MAX_SKEW,
    };
}

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Time passes.
    Tick,
    /// The system clock of the verifying instance is adjusted to this difference from the true time.
    Adjust(i8),
    /// The token is revoked, and the verifying instance reads the entry.
    Revoke,
    /// The verifying instance removes the entry, as it has expired.
    Prune,
}

/// A state of both instances. Times are ticks since the token was issued.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    time: i8,
    /// The difference of the issuer's clock from the true time when it issued the token.
    issuer_skew: i8,
    verifier_skew: i8,
    /// The steady clock of the verifying instance: it never runs ahead of its system clock, nor backwards.
    steady: i8,
    is_revoked: bool,
    has_entry: bool,
}

impl State {
    const fn verifier_clock(&self) -> i8 {
        self.time + self.verifier_skew
    }

    const fn issued_at(&self) -> i8 {
        self.issuer_skew
    }

    const fn expires_at(&self) -> i8 {
        self.issued_at() + LIFETIME
    }

    fn is_accepted(&self, tolerances: Tolerances) -> bool {
        let clock = self.verifier_clock();
        let is_valid = self.issued_at() <= clock + tolerances.leeway
            && clock <= self.expires_at() + tolerances.leeway;
        is_valid && !self.has_entry
    }
}

impl Model for Tolerances {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let skews = || -MAX_SKEW..=MAX_SKEW;
        let pairs = skews().flat_map(|issuer| skews().map(move |verifier| (issuer, verifier)));
        let state = |(issuer_skew, verifier_skew)| State {
            time: 0,
            issuer_skew,
            verifier_skew,
            steady: verifier_skew,
            is_revoked: false,
            has_entry: false,
        };
        pairs.map(state).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Step>) {
        if state.time < HORIZON {
            actions.push(Step::Tick);
        }
        actions.extend((-MAX_SKEW..=MAX_SKEW).map(Step::Adjust));
        if !state.is_revoked {
            actions.push(Step::Revoke);
        }
        if state.has_entry && state.steady > state.expires_at() + self.margin {
            actions.push(Step::Prune);
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Tick => state.time += 1,
            Step::Adjust(skew) => state.verifier_skew = skew,
            Step::Revoke => (state.is_revoked, state.has_entry) = (true, true),
            Step::Prune => state.has_entry = false,
        }
        state.steady = state.steady.max(state.verifier_clock());
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(REVOKED_STAYS_REVOKED, |tolerances: &Self, state: &State| {
                !state.is_revoked || !state.is_accepted(*tolerances)
            }),
            Property::always(ACCEPTED_AT_ONCE, |tolerances: &Self, state: &State| {
                state.time > 0 || state.is_revoked || state.is_accepted(*tolerances)
            }),
            Property::sometimes("an entry is removed", |_, state: &State| {
                state.is_revoked && !state.has_entry
            }),
        ]
    }
}
