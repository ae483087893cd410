//! The database.

use crate::Safeguards;

/// Distance between the numbers of two timelines: more than there are ends.
const TIMELINE: u8 = 4;

/// An entry of the revocation log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Revocation {
    pub(crate) number: u8,
    pub(crate) login: u8,
}

/// What is committed on a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Database {
    /// Entries by ascending number.
    pub(crate) log: Vec<Revocation>,
    /// The last number that was taken.
    pub(crate) counter: u8,
    pub(crate) epoch: u8,
    /// The number of failovers before.
    pub(crate) timeline: u8,
    /// Whether a restore has ended all logins.
    pub(crate) has_ended_all: bool,
    /// Whether the first refresh token was used.
    pub(crate) is_refreshed: bool,
}

impl Database {
    /// Takes a number for an entry that is not committed yet.
    pub(crate) fn take_number(&mut self) -> u8 {
        self.counter += 1;
        self.counter
    }

    /// Commits an entry.
    pub(crate) fn append(&mut self, entry: Revocation) {
        self.log.push(entry);
        self.log.sort_unstable();
        self.counter = self.counter.max(entry.number);
    }

    pub(crate) fn after(&self, number: u8) -> impl Iterator<Item = Revocation> {
        let entries = self.log.iter().copied();
        entries.filter(move |entry| entry.number > number)
    }

    /// Whether the row of a login is live.
    pub(crate) fn is_live(&self, login: u8) -> bool {
        !self.has_ended_all && self.log.iter().all(|entry| entry.login != login)
    }

    /// What is left of a server that is lost: what was committed, on another timeline.
    pub(crate) fn promote(&mut self, safeguards: Safeguards) {
        self.timeline += 1;
        if safeguards.numbers_of_timeline {
            self.counter += TIMELINE;
        }
        if !safeguards.epoch_of_failover {
            self.epoch += 1;
        }
    }

    /// A backup from before all ends, after it was restored in place of this database.
    pub(crate) fn restored(&self, safeguards: Safeguards) -> Self {
        Self {
            epoch: self.epoch + u8::from(safeguards.epoch_of_restore),
            timeline: self.timeline,
            has_ended_all: safeguards.epoch_of_restore,
            ..Self::default()
        }
    }
}
