//! `GET /.well-known/oauth-authorization-server` and `GET /.well-known/openid-configuration`: metadata of the authorization server (RFC 8414)
//! and of the OpenID Provider (OpenID Connect Discovery 1.0).

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderName, header},
};
use holdfast_client::{AuthClient, Jwks};
use holdfast_core::assurance_level::AssuranceLevel;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    config::PublicUrl,
    http::{api::problem::Problem, oauth::paths},
    service_error::ServiceError,
};

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

const CLAIMS: [&str; 12] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "sid",
    "at_hash",
    "preferred_username",
];
const ACR_VALUES: [&str; 3] = [
    AssuranceLevel::Aal1.acr(),
    AssuranceLevel::Aal2.acr(),
    AssuranceLevel::PhishingResistant.acr(),
];

/// Metadata of the authorization server (RFC 8414 §2) and of the OpenID Provider (OpenID Connect Discovery 1.0 §3); both documents are the same.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"issuer": "https://id.example", "authorization_endpoint": "https://id.example/oauth2/authorize", "token_endpoint": "https://id.example/oauth2/token", "jwks_uri": "https://id.example/.well-known/jwks.json", "response_types_supported": ["code"], "subject_types_supported": ["public", "pairwise"], "id_token_signing_alg_values_supported": ["EdDSA"]}))]
pub(in crate::http) struct Metadata {
    issuer: String,
    #[serde(flatten)]
    endpoints: Endpoints,
    #[serde(flatten)]
    openid: OpenIdMetadata,
    scopes_supported: [&'static str; 5],
    response_types_supported: [&'static str; 1],
    response_modes_supported: [&'static str; 2],
    grant_types_supported: [&'static str; 3],
    /// Methods of PKCE (RFC 7636).
    code_challenge_methods_supported: [&'static str; 1],
    /// Whether responses of the authorization endpoint contain `iss` (RFC 9207).
    authorization_response_iss_parameter_supported: bool,
    token_endpoint_auth_methods_supported: [&'static str; 4],
    token_endpoint_auth_signing_alg_values_supported: [&'static str; 3],
    introspection_endpoint_auth_methods_supported: [&'static str; 3],
    introspection_endpoint_auth_signing_alg_values_supported: [&'static str; 3],
    revocation_endpoint_auth_methods_supported: [&'static str; 4],
    revocation_endpoint_auth_signing_alg_values_supported: [&'static str; 3],
    /// Whether `client_id` can be the URL of the client's metadata (OAuth Client ID Metadata Document §5).
    client_id_metadata_document_supported: bool,
    /// Algorithms of `DPoP` proofs (RFC 9449 §5.1).
    dpop_signing_alg_values_supported: [&'static str; 3],
}

/// The URLs of the endpoints.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"authorization_endpoint": "https://id.example/oauth2/authorize", "token_endpoint": "https://id.example/oauth2/token"}))]
struct Endpoints {
    authorization_endpoint: String,
    /// For pushed authorization requests (RFC 9126 §5).
    pushed_authorization_request_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    /// For sign-out by a relying party (OpenID Connect RP-Initiated Logout 1.0 §2.1).
    end_session_endpoint: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
    /// Where clients register themselves, if they can (RFC 7591).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    registration_endpoint: Option<String>,
    jwks_uri: String,
}

/// What is said of OpenID Connect only.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"subject_types_supported": ["public", "pairwise"], "id_token_signing_alg_values_supported": ["EdDSA"]}))]
#[expect(
    clippy::struct_excessive_bools,
    clippy::struct_field_names,
    reason = "names and values are those of the document"
)]
struct OpenIdMetadata {
    subject_types_supported: [&'static str; 2],
    id_token_signing_alg_values_supported: Vec<String>,
    claims_supported: [&'static str; 12],
    prompt_values_supported: [&'static str; 4],
    acr_values_supported: [&'static str; 3],
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
    /// Whether the ends of sessions are sent to relying parties (OpenID Connect Back-Channel Logout 1.0 §2.1).
    backchannel_logout_supported: bool,
    /// Whether logout tokens have `sid`.
    backchannel_logout_session_supported: bool,
}

impl Endpoints {
    fn of(public_url: &PublicUrl, jwks: &Jwks) -> Self {
        let here = |path: &str| format!("{}{path}", public_url.origin);
        Self {
            authorization_endpoint: here(paths::AUTHORIZE),
            pushed_authorization_request_endpoint: here(paths::PUSH),
            token_endpoint: here(paths::TOKEN),
            userinfo_endpoint: here(paths::USERINFO),
            end_session_endpoint: here(paths::LOGOUT),
            introspection_endpoint: here(paths::INTROSPECT),
            revocation_endpoint: here(paths::REVOKE),
            registration_endpoint: jwks.client_registration.then(|| here(paths::REGISTER)),
            jwks_uri: here(paths::JWKS),
        }
    }
}

impl OpenIdMetadata {
    fn of(jwks: &Jwks) -> Self {
        let mut algorithms: Vec<_> = jwks.keys.iter().map(|key| key.alg.clone()).collect();
        algorithms.sort_unstable();
        algorithms.dedup();
        Self {
            subject_types_supported: ["public", "pairwise"],
            id_token_signing_alg_values_supported: algorithms,
            claims_supported: CLAIMS,
            prompt_values_supported: ["none", "login", "consent", "select_account"],
            acr_values_supported: ACR_VALUES,
            claims_parameter_supported: false,
            request_parameter_supported: false,
            request_uri_parameter_supported: false,
            backchannel_logout_supported: true,
            backchannel_logout_session_supported: true,
        }
    }
}

type MetadataResponse = ([(HeaderName, &'static str); 1], Json<Metadata>);

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
) -> Result<MetadataResponse, Problem> {
    metadata(&auth, &public_url).await
}

/// Shows the same at the address of OpenID Connect.
#[utoipa::path(
    get,
    path = "/.well-known/openid-configuration",
    tag = "oauth",
    operation_id = "openid_configuration",
    responses((status = 200, description = "The endpoints and what they support (OpenID Connect Discovery 1.0)", body = Metadata)),
)]
pub(in crate::http) async fn show_openid(
    State(auth): State<AuthClient>,
    State(public_url): State<Arc<PublicUrl>>,
) -> Result<MetadataResponse, Problem> {
    metadata(&auth, &public_url).await
}

async fn metadata(auth: &AuthClient, public_url: &PublicUrl) -> Result<MetadataResponse, Problem> {
    let jwks = auth.jwks().await.map_err(ServiceError::from)?;
    let metadata = Metadata {
        endpoints: Endpoints::of(public_url, &jwks),
        openid: OpenIdMetadata::of(&jwks),
        issuer: jwks.issuer,
        scopes_supported: ["openid", "profile", "offline_access", "account", "admin"],
        response_types_supported: ["code"],
        response_modes_supported: ["query", "form_post"],
        grant_types_supported: ["authorization_code", "client_credentials", "refresh_token"],
        code_challenge_methods_supported: ["S256"],
        authorization_response_iss_parameter_supported: true,
        token_endpoint_auth_methods_supported: AUTHENTICATION,
        token_endpoint_auth_signing_alg_values_supported: SIGNING,
        introspection_endpoint_auth_methods_supported: CONFIDENTIAL,
        introspection_endpoint_auth_signing_alg_values_supported: SIGNING,
        revocation_endpoint_auth_methods_supported: AUTHENTICATION,
        revocation_endpoint_auth_signing_alg_values_supported: SIGNING,
        client_id_metadata_document_supported: jwks.client_metadata_documents,
        dpop_signing_alg_values_supported: SIGNING,
    };
    Ok(([CACHED], Json(metadata)))
}
