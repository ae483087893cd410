//! Failures that every operation can have, whatever it decides.

use std::time::Duration;

use holdfast_core::replay_cache::ReplayCacheError;

/// A failure of the service itself, not a decision about the request. The caller may retry; the text is for the log only.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The store failed or did not answer in time.
    #[error("the store is unavailable: {0}")]
    StoreUnavailable(String),
    /// The queue of password hashes is full.
    #[error("overloaded")]
    Overloaded {
        /// Time until a retry is likely to succeed.
        retry_after: Duration,
    },
    /// A defect of this service, or stored data that it cannot read.
    #[error("internal: {0}")]
    Internal(String),
}

/// Why the store did not perform an operation.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The store failed or did not answer in time.
    #[error("the store failed: {0}")]
    Unavailable(String),
    /// A stored value has a form that this service never writes.
    #[error("the store holds an invalid value: {0}")]
    Corrupt(String),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(why) => Self::StoreUnavailable(why),
            StoreError::Corrupt(_) => Self::Internal(error.to_string()),
        }
    }
}

impl From<ReplayCacheError> for Fault {
    fn from(error: ReplayCacheError) -> Self {
        Self::StoreUnavailable(error.to_string())
    }
}

/// Lets `?` turn errors of ports into the variant `Fault` of an operation's error, by way of [`Fault`].
macro_rules! fault_from {
    ($operation:ty: $($port:ty),+) => {
        $(impl From<$port> for $operation {
            fn from(error: $port) -> Self {
                Self::Fault($crate::error::Fault::from(error))
            }
        })+
    };
}

pub(crate) use fault_from;
