//! `auth.v1.AccountService`.

use std::sync::Arc;

use auth_proto::v1::{
    ChangePasswordRequest, ChangePasswordResponse, GetAccountRequest, GetAccountResponse,
    account_service_server::AccountService,
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
}
