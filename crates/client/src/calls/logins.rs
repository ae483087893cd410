//! The logins of an account, as its owner sees them.

use std::net::IpAddr;

use auth_proto::v1::{
    self, EndGrantRequest, EndLoginRequest, EndOtherLoginsRequest, ListLoginsRequest,
    account_service_client::AccountServiceClient,
};
use holdfast_core::client_info::{ClientInfo, ClientKind};
use time::OffsetDateTime;

use crate::{
    auth_client::AuthClient,
    authorization::{Authorization, AuthorizationMetadata},
    client_info,
    error::AuthError,
    transport::response::{non_empty, optional_time, time},
    transport::retry_policy::{CHANGE, READ},
};

/// A live login.
#[derive(Debug)]
pub struct LoginRecord {
    /// `sid`: identifier of the login.
    pub sid: String,
    /// Whether a program or a browser session holds its tokens.
    pub kind: ClientKind,
    /// Address from which it was started, if known.
    pub ip_address: Option<IpAddr>,
    /// `User-Agent` of the request that started it, if it had one.
    pub user_agent: Option<String>,
    /// Time at which it was started.
    pub created_at: OffsetDateTime,
    /// `auth_time`: time of the latest authentication.
    pub authenticated_at: OffsetDateTime,
    /// `amr`: the factors of the authentication (RFC 8176).
    pub amr: Vec<String>,
    /// `acr`: the strength of the authentication; `None` from an older auth-service.
    pub acr: Option<String>,
    /// Time of the latest use, stored once a minute.
    pub last_seen_at: OffsetDateTime,
    /// Time at which it ends at the latest.
    pub expires_at: OffsetDateTime,
    /// Time at which its session was bound to the browser's device; `None` while it is not bound.
    pub bound_at: Option<OffsetDateTime>,
    /// Its grants that have not ended, the oldest first.
    pub grants: Vec<GrantRecord>,
    /// Whether the access token of the call belongs to it.
    pub is_current: bool,
}

/// What a login allowed one OAuth client.
#[derive(Debug)]
pub struct GrantRecord {
    /// Identifier of the grant.
    pub id: String,
    /// `client_id`: the OAuth client that tokens are issued to.
    pub client_id: String,
    /// `scope`: names separated by blanks.
    pub scope: String,
    /// Start of the grant.
    pub created_at: OffsetDateTime,
    /// Time of the latest refresh.
    pub refreshed_at: OffsetDateTime,
}

impl AuthClient {
    /// Lists the live logins of the token's owner, the latest used first.
    pub async fn logins(
        &self,
        authorization: &Authorization,
    ) -> Result<Vec<LoginRecord>, AuthError> {
        let metadata = AuthorizationMetadata::new(authorization)?;
        let call = async |channel| {
            let request = metadata.add(self.request(ListLoginsRequest {}));
            AccountServiceClient::new(channel)
                .list_logins(request)
                .await
        };
        let response = self.call(READ, call).await?;
        response.logins.into_iter().map(decode).collect()
    }

    /// Ends one login of the token's owner; `LOGIN_NOT_FOUND` for any other.
    pub async fn end_login_by_id(
        &self,
        authorization: &Authorization,
        sid: &str,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let metadata = AuthorizationMetadata::new(authorization)?;
        let call = async |channel| {
            let message = EndLoginRequest {
                sid: sid.to_owned(),
                client: Some(client_info::encode(client)),
            };
            AccountServiceClient::new(channel)
                .end_login(metadata.add(self.request(message)))
                .await
        };
        self.revoke_by(CHANGE, call).await?;
        Ok(())
    }

    /// Ends one grant of a login of the token's owner; `GRANT_NOT_FOUND` for any other.
    pub async fn end_grant(
        &self,
        authorization: &Authorization,
        grant_id: &str,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let metadata = AuthorizationMetadata::new(authorization)?;
        let call = async |channel| {
            let message = EndGrantRequest {
                grant_id: grant_id.to_owned(),
                client: Some(client_info::encode(client)),
            };
            AccountServiceClient::new(channel)
                .end_grant(metadata.add(self.request(message)))
                .await
        };
        self.revoke_by(CHANGE, call).await?;
        Ok(())
    }

    /// Ends all logins of the token's owner except the one that the token belongs to.
    pub async fn end_other_logins(
        &self,
        authorization: &Authorization,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let metadata = AuthorizationMetadata::new(authorization)?;
        let call = async |channel| {
            let message = EndOtherLoginsRequest {
                client: Some(client_info::encode(client)),
            };
            AccountServiceClient::new(channel)
                .end_other_logins(metadata.add(self.request(message)))
                .await
        };
        self.revoke_by(CHANGE, call).await?;
        Ok(())
    }
}

fn decode(login: v1::Login) -> Result<LoginRecord, AuthError> {
    Ok(LoginRecord {
        kind: match login.client_kind() {
            v1::ClientKind::Browser => ClientKind::Browser,
            v1::ClientKind::Api | v1::ClientKind::Unspecified => ClientKind::Api,
        },
        sid: login.sid,
        ip_address: login.ip_address.parse().ok(),
        user_agent: non_empty(login.user_agent),
        created_at: time(login.created_at)?,
        authenticated_at: time(login.auth_time)?,
        amr: login.amr,
        acr: non_empty(login.acr),
        last_seen_at: time(login.last_seen_at)?,
        expires_at: time(login.expires_at)?,
        bound_at: optional_time(login.bound_at)?,
        grants: login
            .grants
            .into_iter()
            .map(decode_grant)
            .collect::<Result<_, _>>()?,
        is_current: login.current,
    })
}

fn decode_grant(grant: v1::Grant) -> Result<GrantRecord, AuthError> {
    Ok(GrantRecord {
        id: grant.id,
        client_id: grant.client_id,
        scope: grant.scope,
        created_at: time(grant.created_at)?,
        refreshed_at: time(grant.refreshed_at)?,
    })
}
