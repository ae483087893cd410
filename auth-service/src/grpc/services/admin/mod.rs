//! `auth.v1.AdminService`.

use std::sync::Arc;

use auth_proto::v1::{
    ClientProofKind, CreateClientRequest, CreateClientResponse, CreateUserRequest,
    CreateUserResponse, DeleteUserRequest, DeleteUserResponse, DisableClientRequest,
    DisableClientResponse, DisableUserRequest, DisableUserResponse, EnableUserRequest,
    EnableUserResponse, EndUserLoginsRequest, EndUserLoginsResponse, ErrorReason, GetUserRequest,
    GetUserResponse, ListAuditEventsRequest, ListAuditEventsResponse, ListClientsRequest,
    ListClientsResponse, ListUsersRequest, ListUsersResponse, RotateClientSecretRequest,
    RotateClientSecretResponse, RotateSigningKeyRequest, RotateSigningKeyResponse,
    SetPasswordRequest, SetPasswordResponse, admin_service_server::AdminService,
    get_user_request::Lookup,
};
use holdfast_identity::{
    account::Accounts,
    audit::{AuditKind, AuditQuery},
    error::Fault,
    oauth::{Clients, NewClient, ProvesBy},
    service::IdentityService,
    store::KeyRotation,
    token::{Person, Scope},
};
use secrecy::ExposeSecret as _;
use tonic::{Code, Request, Response, Status};

use crate::grpc::{
    audit::{self, About, Audit},
    call_context::{WebIdentity, person},
    decode, encode,
    errors::{OrStatus as _, invalid, refuse},
};

const DEFAULT_PAGE: u32 = 50;
const MAX_PAGE: u32 = 200;

pub(in crate::grpc) struct AdminApi {
    pub(in crate::grpc) authority: Arc<IdentityService>,
    pub(in crate::grpc) accounts: Accounts,
    pub(in crate::grpc) clients: Clients,
    pub(in crate::grpc) web_identity: Arc<WebIdentity>,
    pub(in crate::grpc) key_rotation: Arc<dyn KeyRotation>,
    pub(in crate::grpc) audit: Audit,
}

impl AdminApi {
    async fn admin<T: Sync>(&self, request: &Request<T>) -> Result<Person, Status> {
        let parts = (&*self.authority, &*self.web_identity);
        person(parts, request, Scope::Admin).await
    }
}

#[tonic::async_trait]
impl AdminService for AdminApi {
    async fn create_user(
        &self,
        request: Request<CreateUserRequest>,
    ) -> Result<Response<CreateUserResponse>, Status> {
        let admin = self.admin(&request).await?;
        let origin = audit::peer(&request, &self.web_identity);
        let message = request.into_inner();
        let username = decode::username("username", &message.username)?;
        let user = self
            .accounts
            .create(username, &message.password, message.admin)
            .await
            .or_status()?;
        self.audit.record(
            AuditKind::UserCreated,
            About::done_by(&admin, user.id),
            origin,
        );
        Ok(Response::new(CreateUserResponse {
            user: Some(encode::user(user)),
        }))
    }

    async fn get_user(
        &self,
        request: Request<GetUserRequest>,
    ) -> Result<Response<GetUserResponse>, Status> {
        self.admin(&request).await?;
        let user = match request.into_inner().lookup {
            Some(Lookup::UserId(id)) => self
                .accounts
                .by_id(decode::user_id("user_id", &id)?)
                .await
                .or_status()?,
            Some(Lookup::Username(name)) => {
                let username = decode::username("username", &name)?;
                self.accounts.by_name(&username).await.or_status()?
            }
            None => return Err(invalid("lookup", "give a user_id or a username")),
        };
        Ok(Response::new(GetUserResponse {
            user: Some(encode::user(user)),
        }))
    }

    async fn list_users(
        &self,
        request: Request<ListUsersRequest>,
    ) -> Result<Response<ListUsersResponse>, Status> {
        self.admin(&request).await?;
        let message = request.into_inner();
        let size = page_size(message.page_size)?;
        let after = decode::optional(message.page_token)
            .map(|token| decode::username("page_token", &token))
            .transpose()?;
        // One more than asked tells whether there is a next page.
        let mut users = self
            .accounts
            .list(after.as_ref(), size + 1)
            .await
            .or_status()?;
        let is_last = users.len() <= size as usize;
        users.truncate(size as usize);
        let last = users.last().filter(|_| !is_last);
        Ok(Response::new(ListUsersResponse {
            next_page_token: last
                .map(|user| user.username.to_string())
                .unwrap_or_default(),
            users: users.into_iter().map(encode::user).collect(),
        }))
    }

    async fn disable_user(
        &self,
        request: Request<DisableUserRequest>,
    ) -> Result<Response<DisableUserResponse>, Status> {
        let admin = self.admin(&request).await?;
        let origin = audit::peer(&request, &self.web_identity);
        let id = decode::user_id("user_id", &request.into_inner().user_id)?;
        let disabled = self.accounts.disable(id).await.or_status()?;
        if disabled.is_new {
            self.audit
                .record(AuditKind::UserDisabled, About::done_by(&admin, id), origin);
        }
        Ok(Response::new(DisableUserResponse {
            user: Some(encode::user(disabled.user)),
        }))
    }

    async fn enable_user(
        &self,
        request: Request<EnableUserRequest>,
    ) -> Result<Response<EnableUserResponse>, Status> {
        let admin = self.admin(&request).await?;
        let origin = audit::peer(&request, &self.web_identity);
        let id = decode::user_id("user_id", &request.into_inner().user_id)?;
        let enabled = self.accounts.enable(id).await.or_status()?;
        if enabled.is_new {
            self.audit
                .record(AuditKind::UserEnabled, About::done_by(&admin, id), origin);
        }
        Ok(Response::new(EnableUserResponse {
            user: Some(encode::user(enabled.user)),
        }))
    }

    async fn delete_user(
        &self,
        request: Request<DeleteUserRequest>,
    ) -> Result<Response<DeleteUserResponse>, Status> {
        let admin = self.admin(&request).await?;
        let origin = audit::peer(&request, &self.web_identity);
        let id = decode::user_id("user_id", &request.into_inner().user_id)?;
        self.accounts.delete(id).await.or_status()?;
        self.audit
            .record(AuditKind::UserDeleted, About::done_by(&admin, id), origin);
        Ok(Response::new(DeleteUserResponse {}))
    }

    async fn set_password(
        &self,
        request: Request<SetPasswordRequest>,
    ) -> Result<Response<SetPasswordResponse>, Status> {
        let admin = self.admin(&request).await?;
        let origin = audit::peer(&request, &self.web_identity);
        let message = request.into_inner();
        let id = decode::user_id("user_id", &message.user_id)?;
        self.accounts
            .set_password(id, &message.new_password)
            .await
            .or_status()?;
        self.audit
            .record(AuditKind::PasswordSet, About::done_by(&admin, id), origin);
        Ok(Response::new(SetPasswordResponse {}))
    }

    async fn end_user_logins(
        &self,
        request: Request<EndUserLoginsRequest>,
    ) -> Result<Response<EndUserLoginsResponse>, Status> {
        let admin = self.admin(&request).await?;
        let origin = audit::peer(&request, &self.web_identity);
        let id = decode::user_id("user_id", &request.into_inner().user_id)?;
        let user = self.accounts.by_id(id).await.or_status()?;
        let ended = self.authority.end_user_logins(user.id).await.or_status()?;
        if ended > 0 {
            self.audit.record(
                AuditKind::AllLoginsEnded,
                About::done_by(&admin, id),
                origin,
            );
        }
        Ok(Response::new(EndUserLoginsResponse {
            ended: ended.try_into().unwrap_or(i64::MAX),
        }))
    }

    async fn rotate_signing_key(
        &self,
        request: Request<RotateSigningKeyRequest>,
    ) -> Result<Response<RotateSigningKeyResponse>, Status> {
        let admin = self.admin(&request).await?;
        let origin = audit::peer(&request, &self.web_identity);
        let kid = self.key_rotation.rotate().await.or_status()?;
        let kid = kid.ok_or_else(key_pending)?;
        let about = About {
            actor: Some(admin.subject),
            ..About::default()
        };
        self.audit.record(AuditKind::KeyRotated, about, origin);
        Ok(Response::new(RotateSigningKeyResponse { kid }))
    }

    async fn create_client(
        &self,
        request: Request<CreateClientRequest>,
    ) -> Result<Response<CreateClientResponse>, Status> {
        let admin = self.admin(&request).await?;
        let origin = audit::peer(&request, &self.web_identity);
        let message = request.into_inner();
        let kind = message.proof_kind();
        if kind != ClientProofKind::Key && !message.jwk.is_empty() {
            return Err(invalid("jwk", "is for CLIENT_PROOF_KIND_KEY alone"));
        }
        let proves_by = match kind {
            ClientProofKind::None => ProvesBy::Nothing,
            ClientProofKind::Secret => ProvesBy::Secret,
            ClientProofKind::Key => ProvesBy::Key(message.jwk),
            ClientProofKind::Unspecified => return Err(invalid("proof_kind", "give one")),
        };
        let new = NewClient {
            id: decode::client_id(&message.client_id)?,
            proves_by,
            scopes: decode::scopes(&message.scope)?,
            audiences: message.audiences,
            introspection_only: message.introspection_only,
            dpop_required: message.dpop_required,
        };
        let (client, secret) = self.clients.register(new).await.or_status()?;
        let about = About::client(client.id.clone(), Some(admin.subject));
        self.audit.record(AuditKind::ClientCreated, about, origin);
        Ok(Response::new(CreateClientResponse {
            client: Some(encode::oauth_client(client)),
            client_secret: secret
                .map(|secret| secret.expose_secret().to_owned())
                .unwrap_or_default(),
        }))
    }

    async fn list_clients(
        &self,
        request: Request<ListClientsRequest>,
    ) -> Result<Response<ListClientsResponse>, Status> {
        self.admin(&request).await?;
        let clients = self.clients.list().await.or_status()?.into_iter();
        Ok(Response::new(ListClientsResponse {
            clients: clients.map(encode::oauth_client).collect(),
        }))
    }

    async fn disable_client(
        &self,
        request: Request<DisableClientRequest>,
    ) -> Result<Response<DisableClientResponse>, Status> {
        let admin = self.admin(&request).await?;
        let origin = audit::peer(&request, &self.web_identity);
        let id = decode::client_id(&request.into_inner().client_id)?;
        if self.clients.disable(&id).await.or_status()? {
            let about = About::client(id, Some(admin.subject));
            self.audit.record(AuditKind::ClientDisabled, about, origin);
        }
        Ok(Response::new(DisableClientResponse {}))
    }

    async fn rotate_client_secret(
        &self,
        request: Request<RotateClientSecretRequest>,
    ) -> Result<Response<RotateClientSecretResponse>, Status> {
        let admin = self.admin(&request).await?;
        let origin = audit::peer(&request, &self.web_identity);
        let id = decode::client_id(&request.into_inner().client_id)?;
        let secret = self.clients.rotate_secret(&id).await.or_status()?;
        let about = About::client(id, Some(admin.subject));
        self.audit
            .record(AuditKind::ClientSecretRotated, about, origin);
        Ok(Response::new(RotateClientSecretResponse {
            client_secret: secret.expose_secret().to_owned(),
        }))
    }

    async fn list_audit_events(
        &self,
        request: Request<ListAuditEventsRequest>,
    ) -> Result<Response<ListAuditEventsResponse>, Status> {
        self.admin(&request).await?;
        let message = request.into_inner();
        let size = page_size(message.page_size)?;
        let query = AuditQuery {
            user: decode::optional(message.user_id)
                .map(|id| decode::user_id("user_id", &id))
                .transpose()?,
            kind: decode::optional(message.kind)
                .map(|kind| decode::audit_kind(&kind))
                .transpose()?,
            before: decode::optional(message.page_token)
                .map(|token| decode::page_token(&token))
                .transpose()?,
            // One more than asked tells whether there is a next page.
            limit: size + 1,
        };
        let events = self.audit.trail.events(&query).await;
        let mut events = events.map_err(Fault::from).or_status()?;
        let is_last = events.len() <= size as usize;
        events.truncate(size as usize);
        let last = events.last().filter(|_| !is_last);
        Ok(Response::new(ListAuditEventsResponse {
            next_page_token: last.map(|event| event.id.to_string()).unwrap_or_default(),
            events: events.into_iter().map(encode::audit_event).collect(),
        }))
    }
}

fn key_pending() -> Status {
    refuse(
        Code::FailedPrecondition,
        ErrorReason::KeyPending,
        "a key was published that does not sign yet; wait for it",
    )
}

fn page_size(asked: i32) -> Result<u32, Status> {
    match u32::try_from(asked) {
        Ok(0) => Ok(DEFAULT_PAGE),
        Ok(size) if size <= MAX_PAGE => Ok(size),
        _ => Err(invalid("page_size", "must be from 0 to 200")),
    }
}
