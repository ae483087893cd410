//! `auth.v1.AuthorizationService`: the authorization endpoint.

mod flow;
mod logout;
mod origins;
mod push;

use std::sync::Arc;

use auth_proto::v1::{
    ContinueAuthorizationRequest, ContinueAuthorizationResponse, ExamineLogoutRequest,
    ExamineLogoutResponse, ListBrowserOriginsRequest, ListBrowserOriginsResponse,
    PushAuthorizationRequest, PushAuthorizationResponse, StartAuthorizationRequest,
    StartAuthorizationResponse, authorization_service_server::AuthorizationService,
};
use holdfast_identity::services::IdentityServices;
use tonic::{Request, Status};

use crate::grpc::call_context::ServiceIdentity;

/// What the RPCs of `AuthorizationService` use.
pub(super) struct AuthorizationApi {
    pub(super) identity: Arc<IdentityServices>,
    pub(super) service_identity: Arc<ServiceIdentity>,
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
    }
}
