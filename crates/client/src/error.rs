//! Errors of calls to auth-service.

use std::time::Duration;

use crate::reason::{ErrorReason, Reason};

/// Why a call to auth-service has no result.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AuthError {
    /// auth-service refused the credential or the request.
    #[error("refused: {}", .0.reason)]
    Refused(Refusal),
    /// A rate limit was reached (`THROTTLED`).
    #[error("throttled")]
    Throttled {
        /// Time until the next attempt is accepted.
        retry_after: Duration,
    },
    /// No endpoint answered, or auth-service sheds load. The same request may succeed later.
    #[error("unavailable: {reason}")]
    Unavailable {
        /// [`Reason::Unreachable`], or auth-service's own reason.
        reason: Reason,
        /// Time until the next attempt should be made.
        retry_after: Duration,
    },
    /// auth-service failed, its answer breaks the contract, or this client is configured wrongly.
    #[error("auth-service failed: {0}")]
    Broken(String),
}

impl AuthError {
    /// The error of a response that lacks a required field.
    #[must_use]
    pub fn incomplete() -> Self {
        Self::Broken("an answer of auth-service lacks a field".to_owned())
    }

    /// Whether this is a refusal with the reason `reason`.
    #[must_use]
    pub fn is_refused_as(&self, reason: ErrorReason) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.reason == reason)
    }
}

/// A refusal of auth-service.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What the refusal is about: the credential, its permissions, or the request.
    pub kind: RefusalKind,
    /// The stable reason.
    pub reason: Reason,
    /// Explanation in English, for logs and developers. Its text is not stable.
    pub message: String,
    /// Nonce for the next `DPoP` proof (RFC 9449 §8); `None` unless the refusal is about a proof.
    pub dpop_nonce: Option<String>,
}

/// What a refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// The credential is missing, invalid, expired or revoked.
    Unauthenticated,
    /// The credential is valid and does not permit the request.
    Forbidden,
    /// The request itself is invalid, or names something that does not exist.
    Invalid,
    /// The request is valid, and the state of the account, or of what it names, does not permit it.
    Conflict,
}
