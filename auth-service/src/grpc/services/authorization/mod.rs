//! `auth.v1.AuthorizationService`: the authorization endpoint.

mod flow;
mod logout;
mod origins;
mod push;
mod registration;

use std::sync::Arc;

use auth_proto::v1::{
    ContinueAuthorizationRequest, ContinueAuthorizationResponse, ExamineLogoutRequest,
    ExamineLogoutResponse, ListBrowserOriginsRequest, ListBrowserOriginsResponse,
    PushAuthorizationRequest, PushAuthorizationResponse, RegisterClientRequest,
    RegisterClientResponse, StartAuthorizationRequest, StartAuthorizationResponse,
    authorization_service_server::AuthorizationService,
};
use holdfast_identity::{oauth::OauthClients, services::IdentityServices};
use tonic::{Request, Status};

use crate::grpc::{call_context::ServiceIdentity, secret_hash::SecretHash};

/// What the RPCs of `AuthorizationService` use.
pub(super) struct AuthorizationApi {
    pub(super) identity: Arc<IdentityServices>,
    pub(super) service_identity: Arc<ServiceIdentity>,
    pub(super) clients: OauthClients,
    /// The initial access token of OAuth clients that register themselves.
    pub(super) registration_token: Option<SecretHash>,
}

impl AuthorizationApi {
    /// Rejects callers other than web-service.
    fn web_service<T>(&self, request: &Request<T>) -> Result<(), Status> {
        self.service_identity.require(request)
    }
}

rpcs! {
    AuthorizationService for AuthorizationApi {
        push_authorization(PushAuthorizationRequest) -> PushAuthorizationResponse = push::push, by web_service;
        start_authorization(StartAuthorizationRequest) -> StartAuthorizationResponse = flow::start, by web_service;
        continue_authorization(ContinueAuthorizationRequest) -> ContinueAuthorizationResponse = flow::proceed, by web_service;
        examine_logout(ExamineLogoutRequest) -> ExamineLogoutResponse = logout::examine, by web_service;
        list_browser_origins(ListBrowserOriginsRequest) -> ListBrowserOriginsResponse = origins::list, by web_service;
        register_client(RegisterClientRequest) -> RegisterClientResponse = registration::register, by web_service;
    }
}
