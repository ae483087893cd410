//! Which logins have ended, as auth-service tells it.

/// What is known of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginState {
    /// It was not ended, as far as is known; and enough is known.
    Live,
    /// It was ended.
    Ended,
    /// Too little is known, or nothing new for too long.
    Unknown,
}

/// What auth-service told of ended logins.
pub trait Revocations: Send + Sync {
    /// The state of the login `sid` that is part of the history `epoch`.
    fn login(&self, sid: &str, epoch: &str) -> LoginState;

    /// Whether enough is known for cookies to be judged.
    ///
    /// # Errors
    /// What is missing, in words for the operator.
    fn readiness(&self) -> Result<(), String>;
}
