//! A model of revocation: a database with a standby, two instances of auth-service that poll the revocation log, and a web-service that
//! follows the stream of one of them. A model checker explores every order in which their steps can happen.
//!
//! Each rule of the programs that the properties need is a field of [`Safeguards`]; why there is a model: `docs/adr/0036`.
//!
//! What is modelled: numbers of the revocation log and their commit, replication and failover, restoring a backup, polls, streams with
//! snapshots and with messages that are delayed or lost, the change of a stream to another instance, a web-service that is suspended, and
//! refreshes. The expiry of entries by clocks that differ is a model of its own: [`expiry`].
//!
//! What is assumed: a message of a stream is at most [`MESSAGE_DELAY`] old when a running web-service reads it, as the stream is closed
//! otherwise; steady clocks of all processes run equally fast.

mod database;
pub mod expiry;
mod instance;
mod properties;
mod steps;
mod web;

use stateright::{Model, Property};

use self::{database::Database, instance::Instance, web::WebService};
pub use self::{
    properties::{
        END_REFUSED, ENDS_RESTORED, ENDS_SURVIVE, ENDS_TAKE_EFFECT, NO_FALSE_SIGN_OUT,
        ONE_SUCCESSOR,
    },
    steps::Step,
};

/// Logins, which are numbered from 0.
pub const LOGINS: usize = 2;
/// Instances of auth-service, which are numbered from 0.
pub const INSTANCES: usize = 2;
/// Clients that present the same refresh token.
pub const CLIENTS: usize = 2;

/// Ticks for which an instance's memory is current after a read of the log.
pub const CURRENT_FOR: u8 = 1;
/// Ticks by which a message of a stream may be delayed.
pub const MESSAGE_DELAY: u8 = 1;
/// Ticks for which web-service uses its state after the last message.
pub const MAX_STALENESS: u8 = 2;
/// Ticks after which an end is in effect everywhere.
pub const BOUND: u8 = CURRENT_FOR + MESSAGE_DELAY + MAX_STALENESS;

/// What makes the properties hold; each can be left out.
#[expect(
    clippy::struct_excessive_bools,
    reason = "any combination of them is a system"
)]
#[derive(Clone, Copy, Debug)]
pub struct Safeguards {
    /// A number of the log is taken under a lock that is held until the commit.
    pub numbers_under_lock: bool,
    /// A commit is acknowledged when the standby has it.
    pub synchronous_standby: bool,
    /// Numbers of a promoted server are above those of the one before.
    pub numbers_of_timeline: bool,
    /// The log is read from a server that takes writes, never from a demoted one.
    pub writable_server: bool,
    /// A failover continues the epoch.
    pub epoch_of_failover: bool,
    /// A restored backup begins a new epoch, and its logins are ended.
    pub epoch_of_restore: bool,
    /// web-service does not use its state for longer than [`MAX_STALENESS`].
    pub max_staleness: bool,
    /// A stream sends no message unless the log was read within [`CURRENT_FOR`].
    pub current_streams: bool,
    /// The first read from a promoted server writes the ends back that it lacks.
    pub write_back: bool,
    /// web-service opens its stream again after it was suspended.
    pub reconnect_after_stop: bool,
    /// A refresh changes the generation only if it is the one of the token.
    pub compare_and_set: bool,
}

impl Safeguards {
    /// All of them.
    pub const ALL: Self = Self {
        numbers_under_lock: true,
        synchronous_standby: true,
        numbers_of_timeline: true,
        writable_server: true,
        epoch_of_failover: true,
        epoch_of_restore: true,
        max_staleness: true,
        current_streams: true,
        write_back: true,
        reconnect_after_stop: true,
        compare_and_set: true,
    };
}

/// What happens besides ends, polls and streams.
#[expect(clippy::struct_excessive_bools, reason = "any combination of them")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Events {
    /// The standby is promoted, once.
    pub failover: bool,
    /// A backup from before all ends is restored, once.
    pub restore: bool,
    /// Clients refresh.
    pub refreshes: bool,
    /// web-service is suspended and resumed.
    pub stops: bool,
}

/// A system with some safeguards, to which some events happen.
#[derive(Clone, Copy, Debug)]
pub struct System {
    /// Its safeguards.
    pub safeguards: Safeguards,
    /// What happens to it.
    pub events: Events,
}

/// What is true of a login outside the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Login {
    Live,
    /// The transaction that ends it has taken this number, and is not committed.
    Ending(u8),
    /// Its end was acknowledged this many ticks ago.
    Ended(u8),
    /// The server was lost before it acknowledged the end.
    Unclear,
    /// The server was lost after it acknowledged the end, and the promoted one does not have it. An instance knows of it.
    Remembered,
    /// The same, and no instance knows of it.
    Lost,
}

/// A state of the system.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    logins: [Login; LOGINS],
    primary: Database,
    standby: Database,
    /// The primary before the failover, where instances may still read from it.
    demoted: Option<Database>,
    instances: [Instance; INSTANCES],
    web: WebService,
    has_failed_over: bool,
    has_restored: bool,
    /// Clients that have read the generation, where it is not compared.
    readers: [bool; CLIENTS],
    /// Refresh tokens that were given out for the first one.
    successors: u8,
}

impl Model for System {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            logins: [Login::Live; LOGINS],
            primary: Database::default(),
            standby: Database::default(),
            demoted: None,
            instances: std::array::from_fn(|_| Instance::default()),
            web: WebService::default(),
            has_failed_over: false,
            has_restored: false,
            readers: [false; CLIENTS],
            successors: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Step>) {
        actions.extend(self.steps(state));
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        self.apply(&mut state, step);
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}
