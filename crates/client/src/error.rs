//! What auth-service answers instead of what it is asked for.

use std::time::Duration;

/// What auth-service answered instead of what was asked for.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AuthError {
    /// It said no.
    #[error("refused: {}", .0.reason)]
    Refused(Refusal),
    /// It was asked too often, or too many passwords were wrong.
    #[error("throttled")]
    Throttled {
        /// When to come back.
        retry_after: Duration,
    },
    /// It cannot be reached or is too busy; nothing is wrong with what was asked.
    #[error("unavailable: {reason}")]
    Unavailable {
        /// The stable reason.
        reason: String,
        /// When to come back.
        retry_after: Duration,
    },
    /// It failed, or this service was set up wrongly.
    #[error("auth-service failed: {0}")]
    Broken(String),
}

impl AuthError {
    /// Whether it said no for this reason.
    #[must_use]
    pub fn is_refused_as(&self, reason: &str) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.reason == reason)
    }
}

/// A no, with its reason.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Whose fault it is.
    pub kind: RefusalKind,
    /// The stable reason, such as `INVALID_CREDENTIALS`.
    pub reason: String,
    /// For people.
    pub message: String,
    /// What the next proof of a key has to contain; empty where it is not about one.
    pub dpop_nonce: String,
}

/// Whose fault a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// The credential does not hold.
    Unauthenticated,
    /// The credential holds and does not suffice.
    Forbidden,
    /// The request cannot be met.
    Invalid,
}

/// A proof of a key is needed.
pub const DPOP_PROOF_REQUIRED: &str = "DPOP_PROOF_REQUIRED";
/// A proof of a key does not hold.
pub const DPOP_PROOF_INVALID: &str = "DPOP_PROOF_INVALID";
/// A proof of a key needs a fresh nonce.
pub const DPOP_NONCE_REQUIRED: &str = "DPOP_NONCE_REQUIRED";
/// auth-service does not answer, or was not heard for too long.
pub const AUTH_UNAVAILABLE: &str = "AUTH_UNAVAILABLE";
/// The name or the password is wrong, or the account is disabled.
pub const INVALID_CREDENTIALS: &str = "INVALID_CREDENTIALS";
/// The person has no such login that lives.
pub const LOGIN_NOT_FOUND: &str = "LOGIN_NOT_FOUND";
/// The token lacks a scope.
pub const INSUFFICIENT_SCOPE: &str = "INSUFFICIENT_SCOPE";
/// Too many passwords are being checked.
pub const OVERLOADED: &str = "OVERLOADED";
/// The person has to prove again who they are.
pub const STEP_UP_REQUIRED: &str = "STEP_UP_REQUIRED";
/// The token was revoked.
pub const TOKEN_REVOKED: &str = "TOKEN_REVOKED";
/// Too many attempts.
pub const THROTTLED: &str = "THROTTLED";
/// The new password breaks a rule.
pub const PASSWORD_REJECTED: &str = "PASSWORD_REJECTED";
