//! A bare HTTP handler and a bare gRPC method with the responses of the services and without a check.

use std::net::SocketAddr;

use auth_proto::v1::{
    AccessTokenClaims, BindTrustedBrowserRequest, BindTrustedBrowserResponse,
    ContinueAuthenticationRequest, ContinueAuthenticationResponse, GetJwksRequest, GetJwksResponse,
    IntrospectTokenRequest, IntrospectTokenResponse, IssueTokenRequest, IssueTokenResponse,
    LoginRequest, LoginResponse, ReportDeviceRequest, ReportDeviceResponse, RevokeTokenRequest,
    RevokeTokenResponse, StartAuthenticationRequest, StartAuthenticationResponse,
    ValidateTokenRequest, ValidateTokenResponse, WatchRevocationsRequest, WatchRevocationsResponse,
    auth_service_server::{AuthService, AuthServiceServer},
};
use axum::{Json, Router, routing::get};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tonic::{Request, Response, Status};

/// A response with the length of that of `GET /api/profile`.
pub(crate) async fn axum(address: SocketAddr) -> anyhow::Result<()> {
    async fn profile() -> Json<Value> {
        Json(json!({
            "logged_in_as": "ada",
            "sub": "67e55044-10b1-426f-9247-bb680e5fe0c8",
            "sid": "a3bb189e-8bf9-4c4e-9bbb-3d6b2a4f3c11",
            "scope": "profile",
            "expires_at": "2027-01-01T12:00:00Z",
        }))
    }
    let router = Router::new().route("/profile", get(profile));
    axum::serve(TcpListener::bind(address).await?, router).await?;
    Ok(())
}

/// The work before each response.
struct Bare(fn() -> bool);

/// Answers `ValidateToken` with constant claims after this work.
pub(crate) async fn tonic(address: SocketAddr, work: fn() -> bool) -> anyhow::Result<()> {
    tonic::transport::Server::builder()
        .add_service(AuthServiceServer::new(Bare(work)))
        .serve(address)
        .await?;
    Ok(())
}

#[tonic::async_trait]
impl AuthService for Bare {
    async fn validate_token(
        &self,
        _: Request<ValidateTokenRequest>,
    ) -> Result<Response<ValidateTokenResponse>, Status> {
        let Self(work) = self;
        if !work() {
            return Err(Status::unauthenticated(""));
        }
        let claims = AccessTokenClaims {
            issuer: "https://localhost:8443".to_owned(),
            subject: "67e55044-10b1-426f-9247-bb680e5fe0c8".to_owned(),
            audience: "https://localhost:8443".to_owned(),
            client_id: "first-party".to_owned(),
            sid: "a3bb189e-8bf9-4c4e-9bbb-3d6b2a4f3c11".to_owned(),
            jti: "0f8fad5b-d9cb-469f-a165-70867728950e".to_owned(),
            username: "ada".to_owned(),
            scope: "profile".to_owned(),
            ..Default::default()
        };
        Ok(Response::new(ValidateTokenResponse {
            claims: Some(claims),
            ..Default::default()
        }))
    }

    async fn login(&self, _: Request<LoginRequest>) -> Result<Response<LoginResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn start_authentication(
        &self,
        _: Request<StartAuthenticationRequest>,
    ) -> Result<Response<StartAuthenticationResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn continue_authentication(
        &self,
        _: Request<ContinueAuthenticationRequest>,
    ) -> Result<Response<ContinueAuthenticationResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn issue_token(
        &self,
        _: Request<IssueTokenRequest>,
    ) -> Result<Response<IssueTokenResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn introspect_token(
        &self,
        _: Request<IntrospectTokenRequest>,
    ) -> Result<Response<IntrospectTokenResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn revoke_token(
        &self,
        _: Request<RevokeTokenRequest>,
    ) -> Result<Response<RevokeTokenResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn report_device(
        &self,
        _: Request<ReportDeviceRequest>,
    ) -> Result<Response<ReportDeviceResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn bind_trusted_browser(
        &self,
        _: Request<BindTrustedBrowserRequest>,
    ) -> Result<Response<BindTrustedBrowserResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    type WatchRevocationsStream = tokio_stream::Empty<Result<WatchRevocationsResponse, Status>>;

    async fn watch_revocations(
        &self,
        _: Request<WatchRevocationsRequest>,
    ) -> Result<Response<Self::WatchRevocationsStream>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_jwks(
        &self,
        _: Request<GetJwksRequest>,
    ) -> Result<Response<GetJwksResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}
