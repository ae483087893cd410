//! The revocation stream, for applications that web-service forwards it to.

use std::time::Duration;

use auth_proto::v1::WatchRevocationsResponse;
use tokio::time::timeout;
use tonic::Streaming;

use crate::{
    auth_client::AuthClient,
    error::AuthError,
    revocation::event::{EventId, RevocationEvent},
    transport::retry_policy::STREAM,
};

/// Age of the last message at which a stream counts as failed; it carries a heartbeat each second.
pub(crate) const STALE_AFTER: Duration = Duration::from_secs(3);

/// A revocation stream with the messages for one receiver.
pub struct RevocationEvents {
    stream: Streaming<WatchRevocationsResponse>,
    position: EventId,
}

impl AuthClient {
    /// Opens the revocation stream for a receiver that has all entries up to `position`. Where that is not possible, as for the default, the
    /// first message begins a snapshot.
    pub async fn revocation_events(
        &self,
        position: EventId,
    ) -> Result<RevocationEvents, AuthError> {
        let EventId { epoch, sequence } = position.clone();
        let stream = self.watch_revocations(epoch, sequence, STREAM).await?;
        Ok(RevocationEvents { stream, position })
    }
}

impl RevocationEvents {
    /// The next message, one each second at least; `None` when the stream has ended or failed.
    pub async fn next(&mut self) -> Option<(EventId, RevocationEvent)> {
        let mut message = next_message(&mut self.stream).await?;
        // An instance that lags behind begins again as well. What the receiver has of this epoch counts, also where the instance lacks it.
        message.snapshot &= message.epoch != self.position.epoch;
        self.position = self.position.next(&message);
        Some((self.position.clone(), message.into()))
    }
}

/// The next message; `None` when the stream ended, failed or is stale.
pub(crate) async fn next_message(
    stream: &mut Streaming<WatchRevocationsResponse>,
) -> Option<WatchRevocationsResponse> {
    timeout(STALE_AFTER, stream.message()).await.ok()?.ok()?
}
