//! Failures that are nobody's answer: they can happen to every operation.

use std::time::Duration;

use crate::store::{HasherError, SigningFailed, StoreError};

/// Something that the operation needs did not work. The caller may try again; the log says what it was.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The database did not answer.
    #[error("the store is away: {0}")]
    StoreUnavailable(String),
    /// Too much to do at this moment.
    #[error("overloaded")]
    Overloaded {
        /// When to come back.
        retry_after: Duration,
    },
    /// A fault of this service.
    #[error("internal: {0}")]
    Internal(String),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(why) => Self::StoreUnavailable(why),
            StoreError::Corrupt(_) => Self::Internal(error.to_string()),
        }
    }
}

impl From<HasherError> for Fault {
    fn from(error: HasherError) -> Self {
        match error {
            HasherError::Overloaded { retry_after } => Self::Overloaded { retry_after },
            HasherError::Broken(why) => Self::Internal(why),
        }
    }
}

impl From<SigningFailed> for Fault {
    fn from(error: SigningFailed) -> Self {
        Self::Internal(error.to_string())
    }
}
