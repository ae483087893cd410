//! The port that hashes passwords.

use std::time::Duration;

use async_trait::async_trait;

use crate::{
    account::{Password, PasswordHash},
    error::Fault,
};

/// Hashes and verifies passwords, a bounded number at a time.
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// Hashes a password with the configured parameters and a fresh salt.
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HasherError>;

    /// Whether the password matches the hash. Without a hash it does the same work on a decoy hash and returns false.
    async fn verify(
        &self,
        password: &Password,
        hash: Option<&PasswordHash>,
    ) -> Result<bool, HasherError>;

    /// Whether the hash was made with weaker parameters than the configured ones.
    fn is_outdated(&self, hash: &PasswordHash) -> bool;
}

/// Why a password was neither hashed nor verified.
#[derive(Debug, thiserror::Error)]
pub enum HasherError {
    /// The queue is full.
    #[error("too many passwords are waiting to be hashed")]
    Overloaded {
        /// Time until a retry is likely to succeed.
        retry_after: Duration,
    },
    /// The stored hash has an unknown form, or memory ran out.
    #[error("password hashing failed: {0}")]
    Broken(String),
}

impl From<HasherError> for Fault {
    fn from(error: HasherError) -> Self {
        match error {
            HasherError::Overloaded { retry_after } => Self::Overloaded { retry_after },
            HasherError::Broken(why) => Self::Internal(why),
        }
    }
}
