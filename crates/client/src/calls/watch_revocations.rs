//! The revocation stream.

use auth_proto::v1::{
    WatchRevocationsRequest, WatchRevocationsResponse, auth_service_client::AuthServiceClient,
};
use tonic::Streaming;

use crate::{auth_client::AuthClient, error::AuthError, transport::retry_policy::RetryPolicy};

impl AuthClient {
    /// Opens a revocation stream with the entries of `epoch` after `sequence`, or with a snapshot where that is not possible.
    pub(crate) async fn watch_revocations(
        &self,
        epoch: String,
        sequence: i64,
        policy: RetryPolicy,
    ) -> Result<Streaming<WatchRevocationsResponse>, AuthError> {
        let call = async |channel| {
            let request = self.request(WatchRevocationsRequest {
                epoch: epoch.clone(),
                after_sequence: sequence,
            });
            AuthServiceClient::new(channel)
                .watch_revocations(request)
                .await
        };
        self.call(policy, call).await
    }
}
