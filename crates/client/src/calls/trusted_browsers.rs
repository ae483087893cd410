//! The trusted browsers of the person on whose behalf a call is made.

use auth_proto::v1::{
    self, BindTrustedBrowserRequest, EndTrustedBrowserRequest, ListTrustedBrowsersRequest,
    account_service_client::AccountServiceClient, auth_service_client::AuthServiceClient,
};
use holdfast_core::client_info::ClientInfo;
use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;

use crate::{
    auth_client::AuthClient,
    authorization::{Authorization, AuthorizationMetadata},
    client_info,
    error::AuthError,
    transport::response::{non_empty, optional_time, time},
    transport::retry_policy::{CHANGE, READ},
};

/// A browser in which the owner is not asked for the second factor.
#[derive(Clone, Debug)]
pub struct TrustedBrowser {
    /// Its identifier.
    pub id: String,
    /// Its user agent when it was trusted; `None` if there was none.
    pub user_agent: Option<String>,
    /// Whether it is trusted with a proof of its device's key only.
    pub is_bound: bool,
    /// Time since which it is trusted.
    pub created_at: OffsetDateTime,
    /// Time of the latest sign-in without the second factor; `None` if there was none.
    pub last_used_at: Option<OffsetDateTime>,
    /// Time until which it is trusted.
    pub expires_at: OffsetDateTime,
}

impl AuthClient {
    /// Lists the trusted browsers of the token's owner, the latest first.
    pub async fn trusted_browsers(
        &self,
        authorization: &Authorization,
    ) -> Result<Vec<TrustedBrowser>, AuthError> {
        let metadata = AuthorizationMetadata::new(authorization)?;
        let call = async |channel| {
            let request = metadata.add(self.request(ListTrustedBrowsersRequest {}));
            let mut account = AccountServiceClient::new(channel);
            account.list_trusted_browsers(request).await
        };
        let browsers = self.call(READ, call).await?.browsers;
        browsers.into_iter().map(TrustedBrowser::try_from).collect()
    }

    /// Binds the trust of a browser to the key of its device, by its thumbprint (RFC 7638), for the login of a refresh token.
    pub async fn bind_trusted_browser(
        &self,
        refresh_token: &SecretString,
        (trusted_browser, jkt): (&SecretString, &str),
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let call = async |channel| {
            let request = self.request(BindTrustedBrowserRequest {
                refresh_token: refresh_token.expose_secret().to_owned(),
                trusted_browser: trusted_browser.expose_secret().to_owned(),
                jkt: jkt.to_owned(),
                client: Some(client_info::encode(client)),
            });
            AuthServiceClient::new(channel)
                .bind_trusted_browser(request)
                .await
        };
        self.call(CHANGE, call).await.map(drop)
    }

    /// Ends the trust of a browser of the token's owner.
    pub async fn end_trusted_browser(
        &self,
        authorization: &Authorization,
        browser_id: &str,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let metadata = AuthorizationMetadata::new(authorization)?;
        let call = async |channel| {
            let message = EndTrustedBrowserRequest {
                browser_id: browser_id.to_owned(),
                client: Some(client_info::encode(client)),
            };
            let request = metadata.add(self.request(message));
            let mut account = AccountServiceClient::new(channel);
            account.end_trusted_browser(request).await
        };
        self.call(CHANGE, call).await.map(drop)
    }
}

impl TryFrom<v1::TrustedBrowser> for TrustedBrowser {
    type Error = AuthError;

    fn try_from(browser: v1::TrustedBrowser) -> Result<Self, AuthError> {
        Ok(Self {
            id: browser.id,
            user_agent: non_empty(browser.user_agent),
            is_bound: browser.bound,
            created_at: time(browser.created_at)?,
            last_used_at: optional_time(browser.last_used_at)?,
            expires_at: time(browser.expires_at)?,
        })
    }
}
