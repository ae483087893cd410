//! `auth.v1.AdminService`: what an administrator may do.

mod audit_events;
mod factors;
mod oauth_clients;
mod page;
mod signing_key;
mod users;

use std::sync::Arc;

use auth_proto::v1::{
    CreateClientRequest, CreateClientResponse, CreateUserRequest, CreateUserResponse,
    DeleteUserRequest, DeleteUserResponse, DisableClientRequest, DisableClientResponse,
    DisableUserRequest, DisableUserResponse, EnableUserRequest, EnableUserResponse,
    EndUserLoginsRequest, EndUserLoginsResponse, GetUserRequest, GetUserResponse,
    ListAuditEventsRequest, ListAuditEventsResponse, ListClientsRequest, ListClientsResponse,
    ListUserFactorsRequest, ListUserFactorsResponse, ListUsersRequest, ListUsersResponse,
    ResetUserFactorsRequest, ResetUserFactorsResponse, RotateClientSecretRequest,
    RotateClientSecretResponse, RotateSigningKeyRequest, RotateSigningKeyResponse,
    SetPasswordRequest, SetPasswordResponse, SetSecondFactorRequiredRequest,
    SetSecondFactorRequiredResponse, admin_service_server::AdminService,
};
use holdfast_identity::{
    account::Accounts,
    call_context::CallContext,
    key::KeyRotation,
    oauth::OauthClients,
    services::IdentityServices,
    store::AuditLog,
    token::{Person, Scope},
};
use tonic::{Request, Status};

use crate::grpc::call_context::{CallerAuthenticator, context_of_admin};

/// What the RPCs of `AdminService` use.
pub(super) struct AdminApi {
    pub(super) identity: Arc<IdentityServices>,
    pub(super) accounts: Accounts,
    pub(super) clients: OauthClients,
    pub(super) callers: CallerAuthenticator,
    pub(super) key_rotation: Arc<dyn KeyRotation>,
    pub(super) audit: Arc<dyn AuditLog>,
}

impl AdminApi {
    /// The administrator, by an access token with the scope `admin`.
    async fn admin<T: Sync>(&self, request: &Request<T>) -> Result<Person, Status> {
        self.callers.person(request, Scope::Admin).await
    }

    /// The context of an administrator's call, and the request message.
    async fn admin_call<T: Sync>(&self, request: Request<T>) -> Result<(CallContext, T), Status> {
        let admin = self.admin(&request).await?;
        let context = context_of_admin(&request, &self.callers.service_identity, &admin);
        Ok((context, request.into_inner()))
    }
}

rpcs! {
    AdminService for AdminApi {
        create_user(CreateUserRequest) -> CreateUserResponse = users::create;
        get_user(GetUserRequest) -> GetUserResponse = users::get;
        list_users(ListUsersRequest) -> ListUsersResponse = users::list;
        disable_user(DisableUserRequest) -> DisableUserResponse = users::disable;
        enable_user(EnableUserRequest) -> EnableUserResponse = users::enable;
        delete_user(DeleteUserRequest) -> DeleteUserResponse = users::delete;
        set_password(SetPasswordRequest) -> SetPasswordResponse = users::set_password;
        end_user_logins(EndUserLoginsRequest) -> EndUserLoginsResponse = users::end_logins;
        list_user_factors(ListUserFactorsRequest) -> ListUserFactorsResponse = factors::list;
        reset_user_factors(ResetUserFactorsRequest) -> ResetUserFactorsResponse = factors::reset;
        set_second_factor_required(SetSecondFactorRequiredRequest) -> SetSecondFactorRequiredResponse = factors::require;
        rotate_signing_key(RotateSigningKeyRequest) -> RotateSigningKeyResponse = signing_key::rotate;
        create_client(CreateClientRequest) -> CreateClientResponse = oauth_clients::create;
        list_clients(ListClientsRequest) -> ListClientsResponse = oauth_clients::list;
        disable_client(DisableClientRequest) -> DisableClientResponse = oauth_clients::disable;
        rotate_client_secret(RotateClientSecretRequest) -> RotateClientSecretResponse = oauth_clients::rotate_secret;
        list_audit_events(ListAuditEventsRequest) -> ListAuditEventsResponse = audit_events::list;
    }
}
