//! The port through which revocations are looked up in memory.

use async_trait::async_trait;

use crate::{
    revocation::Epoch,
    token::{Claims, TokenError},
};

/// Whether the memory of this instance shows an access token as revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationStatus {
    /// The token, its login, its grant and its OAuth client are not revoked.
    Live,
    /// One of them is revoked.
    Revoked(TokenError),
    /// Memory may be behind the store, or begins after the token was issued: the store must be read.
    Unknown,
}

/// The revocations that this instance holds in memory.
#[async_trait]
pub trait RevocationCache: Send + Sync {
    /// Returns the epoch of the store.
    fn epoch(&self) -> &Epoch;

    /// Returns the status of a token whose signature and times are valid.
    fn status(&self, claims: &Claims) -> RevocationStatus;

    /// Reads all committed entries. When it returns, every revocation that was committed before the call is in memory, if the
    /// store could be read.
    async fn catch_up(&self);
}
