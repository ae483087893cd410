//! `GET /.well-known/ssf-configuration`: metadata of the transmitter (SSF §7.1).

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderName, header},
};
use holdfast_client::AuthClient;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    config::PublicUrl,
    http::{
        api::problem::Problem,
        oauth,
        signals::{configuration::POLL, paths},
    },
    service_error::ServiceError,
};

const CACHED: (HeaderName, &str) = (header::CACHE_CONTROL, "public, max-age=300");

/// Metadata of the transmitter (SSF §7.1).
#[derive(Serialize, ToSchema)]
#[schema(as = TransmitterMetadata, example = json!({"spec_version": "1_0", "issuer": "https://id.example", "jwks_uri": "https://id.example/.well-known/jwks.json", "delivery_methods_supported": ["urn:ietf:rfc:8936"], "configuration_endpoint": "https://id.example/ssf/stream", "status_endpoint": "https://id.example/ssf/status", "verification_endpoint": "https://id.example/ssf/verify", "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6749"}], "default_subjects": "ALL"}))]
pub(in crate::http) struct Metadata {
    spec_version: &'static str,
    /// `iss` of every event.
    issuer: String,
    jwks_uri: String,
    delivery_methods_supported: [&'static str; 1],
    configuration_endpoint: String,
    status_endpoint: String,
    verification_endpoint: String,
    authorization_schemes: [AuthorizationScheme; 1],
    /// `ALL`: a stream has the events of all accounts.
    default_subjects: &'static str,
}

/// How a receiver is authorized (SSF §7.1.1).
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"spec_urn": "urn:ietf:rfc:6749"}))]
struct AuthorizationScheme {
    /// OAuth 2.0, with a grant of the type `client_credentials`.
    spec_urn: &'static str,
}

/// Shows the endpoints for receivers of security events.
#[utoipa::path(
    get,
    path = "/.well-known/ssf-configuration",
    tag = "signals",
    operation_id = "ssf_configuration",
    responses((status = 200, description = "The endpoints and what they support (OpenID Shared Signals Framework 1.0 §7.1)", body = Metadata)),
)]
pub(in crate::http) async fn show(
    State(auth): State<AuthClient>,
    State(public_url): State<Arc<PublicUrl>>,
) -> Result<([(HeaderName, &'static str); 1], Json<Metadata>), Problem> {
    let jwks = auth.jwks().await.map_err(ServiceError::from)?;
    let here = |path: &str| format!("{}{path}", public_url.origin);
    let metadata = Metadata {
        spec_version: "1_0",
        issuer: jwks.issuer,
        jwks_uri: here(oauth::paths::JWKS),
        delivery_methods_supported: [POLL],
        configuration_endpoint: here(paths::STREAM),
        status_endpoint: here(paths::STATUS),
        verification_endpoint: here(paths::VERIFICATION),
        authorization_schemes: [AuthorizationScheme {
            spec_urn: "urn:ietf:rfc:6749",
        }],
        default_subjects: "ALL",
    };
    Ok(([CACHED], Json(metadata)))
}
