//! The ports through which keys are published and rotated.

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::{call_context::CallContext, error::Fault, key::StoredSigningKey};

/// The JWKS of this instance.
pub trait PublishedKeys: Send + Sync {
    /// Returns every key whose tokens may be valid at `at` or later, the one that signs access tokens at `at` first.
    fn published(&self, at: OffsetDateTime) -> Vec<StoredSigningKey>;
}

/// Replaces the keys that sign.
#[async_trait]
pub trait KeyRotation: Send + Sync {
    /// Publishes a new key of each algorithm, which signs after [`PUBLICATION_LEAD_TIME`](crate::key::PUBLICATION_LEAD_TIME). Returns the
    /// `kid` of the key of access tokens, or `None`, and publishes nothing, if a published key of these does not sign yet. Of another
    /// algorithm that has such a key, none is published.
    async fn rotate(&self, context: &CallContext) -> Result<Option<String>, Fault>;
}
