//! The ports through which keys are published and rotated.

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::{call_context::CallContext, error::Fault, key::StoredSigningKey};

/// The JWKS of this instance.
pub trait PublishedKeys: Send + Sync {
    /// Returns every key whose tokens may be valid at `at` or later, the one that signs at `at` first.
    fn published(&self, at: OffsetDateTime) -> Vec<StoredSigningKey>;
}

/// Replaces the key that signs.
#[async_trait]
pub trait KeyRotation: Send + Sync {
    /// Publishes a new key, which signs after [`PUBLICATION_LEAD_TIME`](crate::key::PUBLICATION_LEAD_TIME). Returns its `kid`, or
    /// `None` if a published key does not sign yet.
    async fn rotate(&self, context: &CallContext) -> Result<Option<String>, Fault>;
}
