//! `auth.v1.AccountService`.

use std::sync::Arc;

use auth_proto::v1::{
    ChangePasswordRequest, ChangePasswordResponse, EndLoginRequest, EndLoginResponse,
    EndOtherLoginsRequest, EndOtherLoginsResponse, GetAccountRequest, GetAccountResponse,
    ListLoginsRequest, ListLoginsResponse, ReauthenticateRequest, ReauthenticateResponse,
    account_service_server::AccountService,
};
use holdfast_identity::{
    account::Accounts,
    audit::{AuditKind, Origin},
    authentication::{ChangePasswordError, ReauthenticateError},
    service::IdentityService,
    token::{Person, Scope},
};
use tonic::{Request, Response, Status};

use crate::{
    grpc::{
        audit::{self, About, Audit},
        call_context::{WebIdentity, person},
        decode, encode,
        errors::OrStatus as _,
    },
    revocation_feed::RevocationFeed,
};

pub(in crate::grpc) struct AccountApi {
    pub(in crate::grpc) authority: Arc<IdentityService>,
    pub(in crate::grpc) accounts: Accounts,
    pub(in crate::grpc) web_identity: Arc<WebIdentity>,
    pub(in crate::grpc) audit: Audit,
    pub(in crate::grpc) feed: Arc<RevocationFeed>,
}

impl AccountApi {
    async fn person<T: Sync>(&self, request: &Request<T>) -> Result<Person, Status> {
        let parts = (&*self.authority, &*self.web_identity);
        person(parts, request, Scope::Account).await
    }

    fn record(&self, kind: AuditKind, claims: &Person, origin: Origin) {
        self.audit.record(kind, About::person(claims), origin);
    }
}

#[tonic::async_trait]
impl AccountService for AccountApi {
    async fn get_account(
        &self,
        request: Request<GetAccountRequest>,
    ) -> Result<Response<GetAccountResponse>, Status> {
        let claims = self.person(&request).await?;
        let user = self.accounts.by_id(claims.subject).await.or_status()?;
        Ok(Response::new(GetAccountResponse {
            user: Some(encode::user(user)),
        }))
    }

    async fn reauthenticate(
        &self,
        mut request: Request<ReauthenticateRequest>,
    ) -> Result<Response<ReauthenticateResponse>, Status> {
        let claims = self.person(&request).await?;
        let stated = request.get_mut().client.take();
        let client = self.web_identity.client(&request, stated)?;
        let origin = audit::origin(&request, &self.web_identity, &client);
        let password = decode::password(&request.into_inner().password)?;
        let authority = &self.authority;
        let address = client.ip_address;
        let outcome = authority.reauthenticate(&claims, &password, address).await;
        match &outcome {
            Ok(_) => self.record(AuditKind::Reauthenticated, &claims, origin),
            Err(ReauthenticateError::InvalidCredentials) => {
                self.record(AuditKind::ReauthenticationRefused, &claims, origin);
            }
            Err(ReauthenticateError::Throttled(throttled)) if throttled.is_first => {
                self.record(AuditKind::ReauthenticationThrottled, &claims, origin);
            }
            Err(_) => {}
        }
        Ok(Response::new(encode::reauthenticated(outcome.or_status()?)))
    }

    async fn change_password(
        &self,
        mut request: Request<ChangePasswordRequest>,
    ) -> Result<Response<ChangePasswordResponse>, Status> {
        let claims = self.person(&request).await?;
        let stated = request.get_mut().client.take();
        let client = self.web_identity.client(&request, stated)?;
        let origin = audit::origin(&request, &self.web_identity, &client);
        let message = request.into_inner();
        let current = decode::password(&message.current_password)?;
        let outcome = self
            .authority
            .change_password(&claims, &current, &message.new_password, client)
            .await;
        match &outcome {
            Ok(_) => self.record(AuditKind::PasswordChanged, &claims, origin),
            Err(ChangePasswordError::InvalidCredentials) => {
                self.record(AuditKind::PasswordChangeRefused, &claims, origin);
            }
            Err(ChangePasswordError::Throttled(throttled)) if throttled.is_first => {
                self.record(AuditKind::PasswordChangeThrottled, &claims, origin);
            }
            Err(_) => {}
        }
        let login = outcome.or_status()?.login.or_status()?;
        let revocation_sequence = self.feed.revocation_sequence().await;
        Ok(Response::new(encode::password_changed(
            login,
            revocation_sequence,
        )))
    }

    async fn list_logins(
        &self,
        request: Request<ListLoginsRequest>,
    ) -> Result<Response<ListLoginsResponse>, Status> {
        let claims = self.person(&request).await?;
        let logins = self.authority.own_logins(&claims).await.or_status()?;
        let logins = logins
            .into_iter()
            .map(|login| encode::login(login, claims.sid));
        Ok(Response::new(ListLoginsResponse {
            logins: logins.collect(),
        }))
    }

    async fn end_login(
        &self,
        mut request: Request<EndLoginRequest>,
    ) -> Result<Response<EndLoginResponse>, Status> {
        let claims = self.person(&request).await?;
        let stated = request.get_mut().client.take();
        let client = self.web_identity.client(&request, stated)?;
        let origin = audit::origin(&request, &self.web_identity, &client);
        let sid = decode::sid(&request.into_inner().sid)?;
        self.authority
            .end_own_login(&claims, sid)
            .await
            .or_status()?;
        let about = About {
            sid: Some(sid),
            ..About::person(&claims)
        };
        self.audit.record(AuditKind::LoginEnded, about, origin);
        Ok(Response::new(EndLoginResponse {
            revocation_sequence: self.feed.revocation_sequence().await,
        }))
    }

    async fn end_other_logins(
        &self,
        mut request: Request<EndOtherLoginsRequest>,
    ) -> Result<Response<EndOtherLoginsResponse>, Status> {
        let claims = self.person(&request).await?;
        let stated = request.get_mut().client.take();
        let client = self.web_identity.client(&request, stated)?;
        let origin = audit::origin(&request, &self.web_identity, &client);
        let ended = self.authority.end_other_logins(&claims).await.or_status()?;
        if ended > 0 {
            self.record(AuditKind::OtherLoginsEnded, &claims, origin);
        }
        Ok(Response::new(EndOtherLoginsResponse {
            ended: ended.try_into().unwrap_or(i64::MAX),
            revocation_sequence: self.feed.revocation_sequence().await,
        }))
    }
}
