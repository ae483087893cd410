//! The port for streams of security events.

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::{
    id::StreamId,
    oauth::ClientId,
    signals::{Signal, SignalStream},
    store::StoreError,
};

/// Streams of security events, and their events that receivers have not acknowledged. An event is stored for each stream that is not disabled
/// and whose receiver requested it, in the transaction of its cause:
///
/// - the end of a login that tokens were issued for, for whatever reason;
/// - a change of a credential, by the [audit event](crate::signals::CredentialChange::of) that is stored with it.
///
/// Events have no references to logins and accounts, which may be deleted before they are delivered.
#[async_trait]
pub trait SignalStore: Send + Sync {
    /// Inserts a stream. False, and nothing is changed, if its OAuth client has one.
    async fn insert_stream(&self, stream: &SignalStream) -> Result<bool, StoreError>;

    /// Returns the stream of an OAuth client, if it has one.
    async fn stream(&self, client: &ClientId) -> Result<Option<SignalStream>, StoreError>;

    /// Replaces the row of a stream; where it is disabled now, its events are deleted. False if it does not exist any more.
    async fn update_stream(&self, stream: &SignalStream) -> Result<bool, StoreError>;

    /// Deletes a stream with its events. False if it does not exist.
    async fn delete_stream(&self, client: &ClientId, id: StreamId) -> Result<bool, StoreError>;

    /// Adds a verification event to a stream, in place of the one that there is.
    async fn replace_verification(
        &self,
        stream: StreamId,
        state: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<(), StoreError>;

    /// Returns at most `limit` events of a stream, the earliest first.
    async fn signals(&self, stream: StreamId, limit: u32) -> Result<Vec<Signal>, StoreError>;

    /// Deletes the events of a stream that have one of these numbers.
    async fn remove_signals(&self, stream: StreamId, numbers: &[i64]) -> Result<(), StoreError>;

    /// Deletes the events from before a time.
    async fn purge_signals(&self, before: OffsetDateTime) -> Result<(), StoreError>;
}
