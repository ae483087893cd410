//! The error of the session store.

use holdfast_core::replay_cache::ReplayCacheError;

/// The session store does not answer. No session ends because of it.
#[derive(Debug, thiserror::Error)]
#[error("the session store does not answer: {0}")]
pub struct RecordsUnavailable(pub String);

/// For the replay cache, which is in the same store.
impl From<ReplayCacheError> for RecordsUnavailable {
    fn from(error: ReplayCacheError) -> Self {
        Self(error.to_string())
    }
}
