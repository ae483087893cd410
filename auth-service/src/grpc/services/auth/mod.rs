//! `auth.v1.AuthService`.

mod authentication;
mod bind_trusted_browser;
mod get_jwks;
mod introspect_token;
mod issue_token;
mod login;
mod report_device;
mod revoke_token;
mod validate_token;
mod watch_revocations;

use std::sync::Arc;

use auth_proto::v1::{
    BindTrustedBrowserRequest, BindTrustedBrowserResponse, ContinueAuthenticationRequest,
    ContinueAuthenticationResponse, GetJwksRequest, GetJwksResponse, IntrospectTokenRequest,
    IntrospectTokenResponse, IssueTokenRequest, IssueTokenResponse, LoginRequest, LoginResponse,
    ReportDeviceRequest, ReportDeviceResponse, RevokeTokenRequest, RevokeTokenResponse,
    StartAuthenticationRequest, StartAuthenticationResponse, ValidateTokenRequest,
    ValidateTokenResponse, WatchRevocationsRequest, auth_service_server::AuthService,
};
use holdfast_core::clock::Clock;
use holdfast_identity::{key::PublishedKeys, services::IdentityServices};
use tonic::{Request, Status};

use self::watch_revocations::Responses;
pub(super) use self::watch_revocations::RevocationStreams;
use crate::grpc::call_context::ServiceIdentity;

/// What the RPCs of `AuthService` use.
pub(super) struct AuthApi {
    pub(super) identity: Arc<IdentityServices>,
    pub(super) service_identity: Arc<ServiceIdentity>,
    pub(super) keys: Arc<dyn PublishedKeys>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) streams: RevocationStreams,
    /// Whether OAuth clients can register themselves.
    pub(super) client_registration: bool,
    /// Whether the metadata that OAuth clients publish is used.
    pub(super) client_documents: bool,
}

impl AuthApi {
    /// Rejects callers other than web-service.
    fn web_service<T>(&self, request: &Request<T>) -> Result<(), Status> {
        self.service_identity.require(request)
    }
}

rpcs! {
    AuthService for AuthApi, type WatchRevocationsStream = Responses {
        login(LoginRequest) -> LoginResponse = login::login;
        start_authentication(StartAuthenticationRequest) -> StartAuthenticationResponse = authentication::start;
        continue_authentication(ContinueAuthenticationRequest) -> ContinueAuthenticationResponse = authentication::continue_attempt;
        issue_token(IssueTokenRequest) -> IssueTokenResponse = issue_token::issue_token;
        validate_token(ValidateTokenRequest) -> ValidateTokenResponse = validate_token::validate_token;
        introspect_token(IntrospectTokenRequest) -> IntrospectTokenResponse = introspect_token::introspect_token;
        revoke_token(RevokeTokenRequest) -> RevokeTokenResponse = revoke_token::revoke_token;
        report_device(ReportDeviceRequest) -> ReportDeviceResponse = report_device::report_device, by web_service;
        bind_trusted_browser(BindTrustedBrowserRequest) -> BindTrustedBrowserResponse = bind_trusted_browser::bind_trusted_browser, by web_service;
        watch_revocations(WatchRevocationsRequest) -> Responses = watch_revocations::watch_revocations, by web_service;
        get_jwks(GetJwksRequest) -> GetJwksResponse = get_jwks::get_jwks;
    }
}
