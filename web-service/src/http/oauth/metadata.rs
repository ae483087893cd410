//! `GET /.well-known/oauth-authorization-server`: authorization server metadata (RFC 8414).

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderName, header},
};
use holdfast_client::AuthClient;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{config::PublicUrl, http::api::problem::Problem, service_error::ServiceError};

const CACHED: (HeaderName, &str) = (header::CACHE_CONTROL, "public, max-age=300");

const AUTHENTICATION: [&str; 4] = [
    "client_secret_basic",
    "client_secret_post",
    "private_key_jwt",
    "none",
];
const CONFIDENTIAL: [&str; 3] = [
    "client_secret_basic",
    "client_secret_post",
    "private_key_jwt",
];
const SIGNING: [&str; 3] = ["EdDSA", "Ed25519", "ES256"];

/// Authorization server metadata (RFC 8414 §2).
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"issuer": "https://id.example", "token_endpoint": "https://id.example/oauth2/token", "jwks_uri": "https://id.example/.well-known/jwks.json"}))]
pub(in crate::http) struct Metadata {
    issuer: String,
    token_endpoint: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
    jwks_uri: String,
    scopes_supported: [&'static str; 3],
    response_types_supported: [&'static str; 0],
    grant_types_supported: [&'static str; 2],
    token_endpoint_auth_methods_supported: [&'static str; 4],
    token_endpoint_auth_signing_alg_values_supported: [&'static str; 3],
    introspection_endpoint_auth_methods_supported: [&'static str; 3],
    introspection_endpoint_auth_signing_alg_values_supported: [&'static str; 3],
    revocation_endpoint_auth_methods_supported: [&'static str; 4],
    revocation_endpoint_auth_signing_alg_values_supported: [&'static str; 3],
    /// Algorithms of `DPoP` proofs (RFC 9449 §5.1).
    dpop_signing_alg_values_supported: [&'static str; 3],
}

/// Shows the endpoints and what they support.
#[utoipa::path(
    get,
    path = "/.well-known/oauth-authorization-server",
    tag = "oauth",
    operation_id = "oauth_metadata",
    responses((status = 200, description = "The endpoints and what they support (RFC 8414)", body = Metadata)),
)]
pub(in crate::http) async fn show(
    State(auth): State<AuthClient>,
    State(public_url): State<Arc<PublicUrl>>,
) -> Result<([(HeaderName, &'static str); 1], Json<Metadata>), Problem> {
    let issuer = auth.jwks().await.map_err(ServiceError::from)?.issuer;
    let here = |path: &str| format!("{}{path}", public_url.origin);
    let metadata = Metadata {
        issuer,
        token_endpoint: here("/oauth2/token"),
        introspection_endpoint: here("/oauth2/introspect"),
        revocation_endpoint: here("/oauth2/revoke"),
        jwks_uri: here("/.well-known/jwks.json"),
        scopes_supported: ["profile", "account", "admin"],
        response_types_supported: [],
        grant_types_supported: ["client_credentials", "refresh_token"],
        token_endpoint_auth_methods_supported: AUTHENTICATION,
        token_endpoint_auth_signing_alg_values_supported: SIGNING,
        introspection_endpoint_auth_methods_supported: CONFIDENTIAL,
        introspection_endpoint_auth_signing_alg_values_supported: SIGNING,
        revocation_endpoint_auth_methods_supported: AUTHENTICATION,
        revocation_endpoint_auth_signing_alg_values_supported: SIGNING,
        dpop_signing_alg_values_supported: SIGNING,
    };
    Ok(([CACHED], Json(metadata)))
}
