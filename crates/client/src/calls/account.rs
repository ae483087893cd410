//! The account of the person on whose behalf a call is made.

use auth_proto::v1::{
    AddPasswordRequest, ChangePasswordRequest, ChangePasswordResponse, GetAccountRequest,
    RemovePasswordRequest, User, account_service_client::AccountServiceClient,
};
use holdfast_core::client_info::ClientInfo;
use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;

use crate::{
    auth_client::AuthClient,
    authorization::{Authorization, AuthorizationMetadata},
    calls::login::Login,
    client_info,
    error::AuthError,
    transport::response::{non_empty, optional_time, time},
    transport::retry_policy::{CHANGE, PASSWORD, READ},
};

/// A person's account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Name that the account signs in with.
    pub username: String,
    /// Time of its creation.
    pub created_at: OffsetDateTime,
    /// Time at which its current password was set.
    pub password_changed_at: Option<OffsetDateTime>,
}

/// The passwords for [`AuthClient::change_password`].
#[derive(Clone, Copy, Debug)]
pub struct PasswordChange<'a> {
    /// The password that is valid until then.
    pub current: &'a SecretString,
    /// The password that replaces it, 15 to 256 code points.
    pub new: &'a SecretString,
}

impl AuthClient {
    /// Reads the account of the token's owner.
    pub async fn account(&self, authorization: &Authorization) -> Result<Account, AuthError> {
        let metadata = AuthorizationMetadata::new(authorization)?;
        let call = async |channel| {
            let request = metadata.add(self.request(GetAccountRequest {}));
            AccountServiceClient::new(channel)
                .get_account(request)
                .await
        };
        Account::of_user(self.call(READ, call).await?.user)
    }

    /// Replaces the password of the token's owner, ends all of their logins, and starts a new login.
    pub async fn change_password(
        &self,
        authorization: &Authorization,
        change: PasswordChange<'_>,
        client: &ClientInfo,
    ) -> Result<Login, AuthError> {
        let metadata = AuthorizationMetadata::new(authorization)?;
        let call = async |channel| {
            let message = ChangePasswordRequest {
                current_password: change.current.expose_secret().to_owned(),
                new_password: change.new.expose_secret().to_owned(),
                client: Some(client_info::encode(client)),
            };
            AccountServiceClient::new(channel)
                .change_password(metadata.add(self.request(message)))
                .await
        };
        self.revoke_by(PASSWORD, call).await?.try_into()
    }

    /// Removes the password of the token's owner, whose other logins end. From then on, the account is signed in to by passkeys.
    pub async fn remove_password(
        &self,
        authorization: &Authorization,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let metadata = AuthorizationMetadata::new(authorization)?;
        let call = async |channel| {
            let message = RemovePasswordRequest {
                client: Some(client_info::encode(client)),
            };
            let request = metadata.add(self.request(message));
            AccountServiceClient::new(channel)
                .remove_password(request)
                .await
        };
        self.revoke_by(CHANGE, call).await.map(drop)
    }

    /// Sets the password of the token's owner, whose account has none.
    pub async fn add_password(
        &self,
        authorization: &Authorization,
        password: &SecretString,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let metadata = AuthorizationMetadata::new(authorization)?;
        let call = async |channel| {
            let message = AddPasswordRequest {
                password: password.expose_secret().to_owned(),
                client: Some(client_info::encode(client)),
            };
            let request = metadata.add(self.request(message));
            AccountServiceClient::new(channel)
                .add_password(request)
                .await
        };
        self.call(PASSWORD, call).await.map(drop)
    }
}

impl Account {
    /// The account in a response.
    pub(crate) fn of_user(user: Option<User>) -> Result<Self, AuthError> {
        let user = user.ok_or_else(AuthError::incomplete)?;
        Ok(Self {
            username: user.username,
            created_at: time(user.created_at)?,
            password_changed_at: optional_time(user.password_changed_at)?,
        })
    }
}

impl TryFrom<ChangePasswordResponse> for Login {
    type Error = AuthError;

    fn try_from(response: ChangePasswordResponse) -> Result<Self, AuthError> {
        Ok(Self {
            sid: response.sid,
            expires_at: time(response.login_expires_at)?,
            authenticated_at: time(response.auth_time)?,
            amr: response.amr,
            acr: non_empty(response.acr),
            epoch: response.epoch,
            ticket: response.login_ticket.into(),
            trusted_browser: None,
        })
    }
}
