//! Authentication attempts: the state between the steps of a sign-in.

use std::time::Duration;

use time::OffsetDateTime;

use crate::{authentication::Factor, login::SignInForm};

/// Time for which an attempt can be continued: ten minutes.
pub const ATTEMPT_TTL: Duration = Duration::from_mins(10);

/// A sign-in that has begun. It is not stored: the caller keeps it, sealed, so that a stranger's attempt costs no write and no memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Random identifier, by which a completed attempt is recognized.
    pub id: [u8; 16],
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
