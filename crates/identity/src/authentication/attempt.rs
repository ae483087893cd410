//! Authentication attempts: the state between the steps of a sign-in.

use std::time::Duration;

use holdfast_core::random::Random;
use time::OffsetDateTime;

use crate::{
    authentication::{Factor, KeyedHash, KeyedHasher},
    id::{Sid, UserId},
    login::SignInForm,
};

/// Time for which an attempt can be continued: ten minutes, or as long as a login lasts, if that is shorter.
pub const ATTEMPT_TTL: Duration = Duration::from_mins(10);

/// The identifier of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptId(pub [u8; 16]);

impl AttemptId {
    /// Creates an identifier of 128 random bits.
    pub fn random(random: &dyn Random) -> Self {
        let mut id = [0; 16];
        random.fill(&mut id);
        Self(id)
    }

    /// Derives the identifier of the login that `user` completes this attempt by, the same on all instances, so that the store starts
    /// one login for an attempt.
    #[must_use]
    pub fn sid(&self, keyed_hasher: &dyn KeyedHasher, user: UserId) -> Sid {
        let KeyedHash(hash) = keyed_hasher.hash(&[b"attempt", user.as_bytes(), &self.0]);
        Sid::from_random_bytes(hash)
    }
}

/// A sign-in that has begun. It is not stored: the caller keeps it, sealed, so that a start costs no write and no memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its identifier, from which that of its login is derived.
    pub id: AttemptId,
    /// The username as it was typed; whether an account has it is found out at the step that needs it.
    pub username: String,
    /// The browser's form with which it began, which must continue it; `None` where a program began it.
    pub form: Option<SignInForm>,
    /// Time from which on it is refused, UTC, in whole seconds.
    pub expires_at: OffsetDateTime,
}

/// Seals attempts for their caller, and opens them.
pub trait AttemptCodec: Send + Sync {
    /// Returns the sealed text (`hfa_…`) of an attempt.
    fn seal(&self, attempt: &Attempt) -> String;

    /// Returns the attempt of a text; `None` if this issuer did not seal it.
    fn open(&self, text: &str) -> Option<Attempt>;
}

/// What may follow in an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextSteps {
    /// The sealed attempt.
    pub attempt: String,
    /// The factors of which one is to be verified next.
    pub factors: Vec<Factor>,
    /// Time from which on the attempt is refused, UTC.
    pub expires_at: OffsetDateTime,
}
