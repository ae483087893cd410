//! `auth.v1.AccountService`.

use std::sync::Arc;

use auth_proto::v1::{
    ChangePasswordRequest, ChangePasswordResponse, EndLoginRequest, EndLoginResponse,
    EndOtherLoginsRequest, EndOtherLoginsResponse, GetAccountRequest, GetAccountResponse,
    ListLoginsRequest, ListLoginsResponse, account_service_server::AccountService,
};
use tonic::{Request, Response, Status};

use super::{
    caller::{WebIdentity, person},
    decode, encode,
};
use crate::domain::{accounts::Accounts, authority::Authority, scope::Scope};

pub(super) struct AccountApi {
    pub(super) authority: Arc<Authority>,
    pub(super) accounts: Accounts,
    pub(super) web_identity: Arc<WebIdentity>,
}

#[tonic::async_trait]
impl AccountService for AccountApi {
    async fn get_account(
        &self,
        request: Request<GetAccountRequest>,
    ) -> Result<Response<GetAccountResponse>, Status> {
        let claims = person(&self.authority, &request, Scope::Account).await?;
        let user = self.accounts.by_id(claims.subject).await?;
        Ok(Response::new(GetAccountResponse {
            user: Some(encode::user(user)),
        }))
    }

    async fn change_password(
        &self,
        mut request: Request<ChangePasswordRequest>,
    ) -> Result<Response<ChangePasswordResponse>, Status> {
        let claims = person(&self.authority, &request, Scope::Account).await?;
        let stated = request.get_mut().client.take();
        let client = self.web_identity.client(&request, stated)?;
        let message = request.into_inner();
        let current = decode::password(&message.current_password)?;
        let signed_in = self
            .authority
            .change_password(&claims, &current, &message.new_password, client)
            .await?;
        tracing::info!(user = %claims.subject, sid = %signed_in.sid, "password changed; all earlier logins ended");
        Ok(Response::new(encode::password_changed(signed_in)))
    }

    async fn list_logins(
        &self,
        request: Request<ListLoginsRequest>,
    ) -> Result<Response<ListLoginsResponse>, Status> {
        let claims = person(&self.authority, &request, Scope::Account).await?;
        let logins = self.authority.own_logins(&claims).await?;
        let logins = logins
            .into_iter()
            .map(|login| encode::login(login, claims.sid));
        Ok(Response::new(ListLoginsResponse {
            logins: logins.collect(),
        }))
    }

    async fn end_login(
        &self,
        request: Request<EndLoginRequest>,
    ) -> Result<Response<EndLoginResponse>, Status> {
        let claims = person(&self.authority, &request, Scope::Account).await?;
        let sid = decode::sid(&request.into_inner().sid)?;
        self.authority.end_own_login(&claims, sid).await?;
        tracing::info!(user = %claims.subject, by = %claims.sid, %sid, "a login was ended by its owner");
        Ok(Response::new(EndLoginResponse {}))
    }

    async fn end_other_logins(
        &self,
        request: Request<EndOtherLoginsRequest>,
    ) -> Result<Response<EndOtherLoginsResponse>, Status> {
        let claims = person(&self.authority, &request, Scope::Account).await?;
        let ended = self.authority.end_other_logins(&claims).await?;
        tracing::info!(user = %claims.subject, by = %claims.sid, ended, "all other logins were ended by their owner");
        Ok(Response::new(EndOtherLoginsResponse {
            ended: ended.try_into().unwrap_or(i64::MAX),
        }))
    }
}
