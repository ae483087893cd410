//! The passkeys of the person on whose behalf a call is made.

use auth_proto::v1::{
    FinishPasskeyRegistrationRequest, RenamePasskeyRequest, StartPasskeyRegistrationRequest,
    StartPasskeyRegistrationResponse, account_service_client::AccountServiceClient,
};
use holdfast_core::client_info::ClientInfo;
use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;

use crate::{
    auth_client::AuthClient,
    authorization::{Authorization, AuthorizationMetadata},
    client_info,
    error::AuthError,
    transport::response::time,
    transport::retry_policy::{CHANGE, READ},
};

/// A passkey that the owner has begun to register.
#[derive(Clone, Debug)]
pub struct PasskeyRegistration {
    /// The registration, to be finished by its caller.
    pub registration: SecretString,
    /// Options for the browser in JSON.
    pub options: String,
    /// Time from which on it is refused.
    pub expires_at: OffsetDateTime,
}

impl AuthClient {
    /// Begins to register a passkey for the token's owner; nothing is stored.
    pub async fn start_passkey_registration(
        &self,
        authorization: &Authorization,
    ) -> Result<PasskeyRegistration, AuthError> {
        let metadata = AuthorizationMetadata::new(authorization)?;
        let call = async |channel| {
            let request = metadata.add(self.request(StartPasskeyRegistrationRequest {}));
            let mut account = AccountServiceClient::new(channel);
            account.start_passkey_registration(request).await
        };
        self.call(READ, call).await?.try_into()
    }

    /// Adds a passkey to the account of the token's owner, given the response of the browser in JSON; returns its identifier.
    pub async fn finish_passkey_registration(
        &self,
        authorization: &Authorization,
        (registration, response): (&SecretString, &str),
        label: &str,
        client: &ClientInfo,
    ) -> Result<String, AuthError> {
        let metadata = AuthorizationMetadata::new(authorization)?;
        let call = async |channel| {
            let message = FinishPasskeyRegistrationRequest {
                registration: registration.expose_secret().to_owned(),
                response: response.to_owned(),
                label: label.to_owned(),
                client: Some(client_info::encode(client)),
            };
            let request = metadata.add(self.request(message));
            let mut account = AccountServiceClient::new(channel);
            account.finish_passkey_registration(request).await
        };
        Ok(self.call(CHANGE, call).await?.factor_id)
    }

    /// Gives a passkey of the token's owner another name.
    pub async fn rename_passkey(
        &self,
        authorization: &Authorization,
        (factor_id, label): (&str, &str),
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let metadata = AuthorizationMetadata::new(authorization)?;
        let call = async |channel| {
            let message = RenamePasskeyRequest {
                factor_id: factor_id.to_owned(),
                label: label.to_owned(),
                client: Some(client_info::encode(client)),
            };
            let request = metadata.add(self.request(message));
            AccountServiceClient::new(channel)
                .rename_passkey(request)
                .await
        };
        self.call(CHANGE, call).await.map(drop)
    }
}

impl TryFrom<StartPasskeyRegistrationResponse> for PasskeyRegistration {
    type Error = AuthError;

    fn try_from(response: StartPasskeyRegistrationResponse) -> Result<Self, AuthError> {
        let passkey = response.passkey.ok_or_else(AuthError::incomplete)?;
        Ok(Self {
            registration: response.registration.into(),
            options: passkey.options,
            expires_at: time(response.expires_at)?,
        })
    }
}
