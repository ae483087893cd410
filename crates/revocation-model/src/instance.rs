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
    /// Ticks since the log was read.
    pub(crate) age: u8,
}

impl Instance {
    /// An instance that has just started.
    pub(crate) fn start(database: &Database) -> Self {
        let mut instance = Self {
            epoch: database.epoch,
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
        let is_ended = self.log.iter().any(|entry| entry.login == login);
        !is_ended && (trusts_memory || database.is_live(login))
    }
}
