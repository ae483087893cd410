//! Token revocation (RFC 7009).

use auth_proto::v1::{RevokeTokenRequest, auth_service_client::AuthServiceClient};
use holdfast_core::client_info::ClientInfo;

use crate::{
    auth_client::AuthClient,
    authorization::{DpopProof, encode_proof},
    calls::oauth_client::{self, ClientCredentials},
    client_info,
    error::AuthError,
    transport::retry_policy::CHANGE,
};

impl AuthClient {
    /// Revokes an access token alone, or the grant of a refresh token, and its login if it began with that grant. Where `credentials` are given, the token must have been
    /// issued to that OAuth client.
    pub async fn revoke(
        &self,
        credentials: Option<&ClientCredentials>,
        token: &str,
        proof: Option<&DpopProof>,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let call = async |channel| {
            let request = self.request(RevokeTokenRequest {
                token: token.to_owned(),
                end_login: false,
                client: Some(client_info::encode(client)),
                client_credentials: credentials.map(oauth_client::encode),
                dpop: proof.map(encode_proof),
            });
            AuthServiceClient::new(channel).revoke_token(request).await
        };
        self.revoke_by(CHANGE, call).await?;
        Ok(())
    }
}
