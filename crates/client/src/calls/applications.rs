//! The applications (relying parties) that the owner of an account has signed in to.

use auth_proto::v1::{
    self, EndApplicationRequest, ListApplicationsRequest,
    account_service_client::AccountServiceClient,
};
use holdfast_core::client_info::ClientInfo;
use time::OffsetDateTime;

use crate::{
    auth_client::AuthClient,
    authorization::{Authorization, AuthorizationMetadata},
    client_info,
    error::AuthError,
    transport::response::time,
    transport::retry_policy::{CHANGE, READ},
};

/// An application that the owner of an account has signed in to.
#[derive(Clone, Debug)]
pub struct Application {
    /// Its `client_id`.
    pub client_id: String,
    /// Its name.
    pub name: String,
    /// What it may have: scopes, separated by blanks.
    pub scope: String,
    /// Time of the first sign-in to it.
    pub granted_at: OffsetDateTime,
    /// Time of the latest sign-in to it, or of the latest refresh.
    pub last_used_at: OffsetDateTime,
}

impl AuthClient {
    /// Lists the applications that the token's owner has signed in to, the latest used first.
    pub async fn applications(
        &self,
        authorization: &Authorization,
    ) -> Result<Vec<Application>, AuthError> {
        let metadata = AuthorizationMetadata::new(authorization)?;
        let call = async |channel| {
            let request = metadata.add(self.request(ListApplicationsRequest {}));
            AccountServiceClient::new(channel)
                .list_applications(request)
                .await
        };
        let response = self.call(READ, call).await?;
        response.applications.into_iter().map(decode).collect()
    }

    /// Ends what an application has access to: its grants in every login of the token's owner, and the consent. `APPLICATION_NOT_FOUND` for
    /// one that the owner has not signed in to.
    pub async fn end_application(
        &self,
        authorization: &Authorization,
        client_id: &str,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let metadata = AuthorizationMetadata::new(authorization)?;
        let call = async |channel| {
            let message = EndApplicationRequest {
                client_id: client_id.to_owned(),
                client: Some(client_info::encode(client)),
            };
            AccountServiceClient::new(channel)
                .end_application(metadata.add(self.request(message)))
                .await
        };
        self.revoke_by(CHANGE, call).await?;
        Ok(())
    }
}

fn decode(application: v1::Application) -> Result<Application, AuthError> {
    Ok(Application {
        client_id: application.client_id,
        name: application.name,
        scope: application.scope,
        granted_at: time(application.granted_at)?,
        last_used_at: time(application.last_used_at)?,
    })
}
