//! An instance of auth-service.

use crate::{
    CURRENT_FOR,
    database::{Database, Revocation},
};

/// The memory of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Instance {
    /// What it has read of the log, by ascending number.
    pub(crate) log: Vec<Revocation>,
    /// The epoch of the database at its start.
    pub(crate) epoch: u8,
    /// The timeline of the database at the last read.
    pub(crate) timeline: u8,
    /// Ticks since the log was read.
    pub(crate) age: u8,
}

impl Instance {
    /// An instance that has just started.
    pub(crate) fn start(database: &Database) -> Self {
        let mut instance = Self {
            epoch: database.epoch,
            timeline: database.timeline,
            ..Self::default()
        };
        instance.poll(database);
        instance
    }

    /// Reads the entries of the log after the newest one that it has.
    pub(crate) fn poll(&mut self, database: &Database) {
        self.log.extend(database.after(self.newest()));
        self.age = 0;
    }

    /// The logins whose ends a promoted server lacks, before the first read from it.
    pub(crate) fn lost(&self, database: &Database) -> Vec<u8> {
        let is_promoted = self.timeline != database.timeline;
        let known = self.log.iter().map(|entry| entry.login);
        known
            .filter(|login| is_promoted && database.is_live(*login))
            .collect()
    }

    /// Whether the end of a login was read.
    pub(crate) fn knows(&self, login: u8) -> bool {
        self.log.iter().any(|entry| entry.login == login)
    }

    /// The newest number that was read.
    pub(crate) fn newest(&self) -> u8 {
        self.log.last().map_or(0, |entry| entry.number)
    }

    pub(crate) fn is_current(&self) -> bool {
        self.age <= CURRENT_FOR
    }

    /// Whether the instance accepts a token of a login. Where its memory is not current, or begins after the token was issued, the row of
    /// the login decides.
    pub(crate) fn allows(&self, login: u8, database: &Database) -> bool {
        let trusts_memory = self.is_current() && self.epoch == 0;
        !self.knows(login) && (trusts_memory || database.is_live(login))
    }
}
