//! `POST /oauth2/register`: OAuth clients that register themselves (RFC 7591, OpenID Connect Dynamic Client Registration 1.0).

use axum::{
    Json,
    extract::{FromRequest, Request, State},
    http::{HeaderMap, StatusCode},
};
use holdfast_client::{
    AuthClient, AuthError, ClientRegistration, ErrorReason, RegisteredAuthMethod, RegisteredClient,
    authorization_header,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;
use utoipa::ToSchema;

use crate::http::{extract::client::ApiClientInfo, oauth::error::OauthError};

/// Client metadata (RFC 7591 §2, OpenID Connect Dynamic Client Registration 1.0 §2). Other members are ignored.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[schema(example = json!({"client_name": "Order desk", "redirect_uris": ["https://orders.example/callback"], "token_endpoint_auth_method": "client_secret_basic", "id_token_signed_response_alg": "ES256"}))]
pub(in crate::http) struct ClientMetadata {
    /// Where responses of the authorization endpoint may be sent.
    redirect_uris: Vec<String>,
    /// The name that people are shown; by default the host of the first redirect URI.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    client_name: Option<String>,
    /// `client_secret_basic`, `client_secret_post`, `private_key_jwt` or `none`.
    #[serde(default = "client_secret_basic")]
    token_endpoint_auth_method: String,
    /// `authorization_code` and `refresh_token`.
    #[serde(default = "grant_types")]
    grant_types: Vec<String>,
    /// `code`.
    #[serde(default = "response_types")]
    response_types: Vec<String>,
    /// The algorithm of ID tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    id_token_signed_response_alg: Option<String>,
    /// `public` or `pairwise`: identifiers of the account that differ from those of clients at other hosts.
    #[serde(default = "public")]
    subject_type: String,
    /// For `private_key_jwt`: one key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false)]
    jwks: Option<KeySet>,
    /// Where browsers may be sent after a sign-out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    post_logout_redirect_uris: Vec<String>,
    /// Where the client receives the ends of its sessions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    backchannel_logout_uri: Option<String>,
    /// Not supported: with `pairwise`, all redirect URIs have one host.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    sector_identifier_uri: Option<String>,
    /// Whether it has to push its authorization requests (RFC 9126 §6).
    #[serde(default)]
    require_pushed_authorization_requests: bool,
    /// Whether its tokens have to be bound to a key (RFC 9449 §5.2).
    #[serde(default)]
    dpop_bound_access_tokens: bool,
}

/// A JWK Set (RFC 7517 §5).
#[derive(Clone, Deserialize, Serialize)]
struct KeySet {
    keys: Vec<Value>,
}

fn client_secret_basic() -> String {
    "client_secret_basic".to_owned()
}

fn grant_types() -> Vec<String> {
    vec!["authorization_code".to_owned()]
}

fn response_types() -> Vec<String> {
    vec!["code".to_owned()]
}

fn public() -> String {
    "public".to_owned()
}

/// The registered client (RFC 7591 §3.2.1).
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"client_id": "client-0f…", "client_secret": "hfs_…", "client_id_issued_at": 1_796_079_600, "client_secret_expires_at": 0, "redirect_uris": ["https://orders.example/callback"]}))]
pub(in crate::http) struct RegistrationResponse {
    client_id: String,
    /// In seconds since 1970.
    client_id_issued_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    client_secret: Option<String>,
    /// 0: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, required = false)]
    client_secret_expires_at: Option<i64>,
    #[serde(flatten)]
    metadata: ClientMetadata,
}

/// Metadata in the body of a request.
pub(in crate::http) struct MetadataBody(ClientMetadata);

impl<S: Send + Sync> FromRequest<S> for MetadataBody {
    type Rejection = OauthError;

    async fn from_request(request: Request, state: &S) -> Result<Self, OauthError> {
        match axum::Json::from_request(request, state).await {
            Ok(axum::Json(metadata)) => Ok(Self(metadata)),
            Err(rejection) => {
                let error = invalid("the body has to be the metadata of a client, in JSON");
                // RFC 7591 §3.2.2
                Err(match rejection.status() {
                    StatusCode::UNPROCESSABLE_ENTITY => error,
                    status => error.with_status(status),
                })
            }
        }
    }
}

/// Registers an OAuth client. The initial access token is `AUTH_CLIENT_REGISTRATION_TOKEN` of auth-service.
#[utoipa::path(
    post,
    path = "/oauth2/register",
    tag = "oauth",
    operation_id = "register_client",
    request_body = ClientMetadata,
    security(("bearer" = [])),
    responses((status = 201, description = "The registered client (RFC 7591 §3.2.1)", body = RegistrationResponse)),
)]
pub(in crate::http) async fn submit(
    State(auth): State<AuthClient>,
    ApiClientInfo(source): ApiClientInfo,
    headers: HeaderMap,
    MetadataBody(metadata): MetadataBody,
) -> Result<(StatusCode, Json<RegistrationResponse>), OauthError> {
    let token = authorization_header::read(&headers).map_err(|_| OauthError::invalid_token())?;
    let token = SecretString::from(token.1.to_owned());
    let registration = registration(&metadata)?;
    let registered = auth.register_client(&token, &registration, &source).await;
    let registered = registered.map_err(refused)?;
    Ok((StatusCode::CREATED, Json(response(registered, metadata))))
}

fn registration(metadata: &ClientMetadata) -> Result<ClientRegistration, OauthError> {
    let only = |values: &[String], known: &[&str]| {
        values.iter().all(|value| known.contains(&value.as_str()))
    };
    if !only(
        &metadata.grant_types,
        &["authorization_code", "refresh_token"],
    ) || !only(&metadata.response_types, &["code"])
    {
        return Err(invalid(
            "clients register for the authorization code flow only",
        ));
    }
    if metadata.redirect_uris.is_empty() {
        let description = "a client has at least one redirect URI".to_owned();
        return Err(OauthError::of_authorization(
            "invalid_redirect_uri".to_owned(),
            description,
        ));
    }
    if !["public", "pairwise"].contains(&&*metadata.subject_type) {
        return Err(invalid("subject_type has to be public or pairwise"));
    }
    if metadata.sector_identifier_uri.is_some() {
        return Err(invalid("sector_identifier_uri is not supported"));
    }
    Ok(ClientRegistration {
        auth_method: auth_method(metadata)?,
        name: match &metadata.client_name {
            Some(name) => name.clone(),
            None => host_of(metadata.redirect_uris.first()),
        },
        redirect_uris: metadata.redirect_uris.clone(),
        post_logout_redirect_uris: metadata.post_logout_redirect_uris.clone(),
        id_token_algorithm: metadata.id_token_signed_response_alg.clone(),
        pairwise_subjects: metadata.subject_type == "pairwise",
        push_required: metadata.require_pushed_authorization_requests,
        backchannel_logout_uri: metadata.backchannel_logout_uri.clone(),
        dpop_required: metadata.dpop_bound_access_tokens,
    })
}

fn auth_method(metadata: &ClientMetadata) -> Result<RegisteredAuthMethod, OauthError> {
    match (&*metadata.token_endpoint_auth_method, &metadata.jwks) {
        ("none", None) => Ok(RegisteredAuthMethod::None),
        ("client_secret_basic" | "client_secret_post", None) => Ok(RegisteredAuthMethod::Secret),
        ("private_key_jwt", Some(KeySet { keys })) if keys.len() == 1 => {
            Ok(RegisteredAuthMethod::Key(keys[0].to_string()))
        }
        ("private_key_jwt", _) => Err(invalid("private_key_jwt needs jwks with one key")),
        (_, Some(_)) => Err(invalid("jwks is for private_key_jwt only")),
        _ => Err(invalid("token_endpoint_auth_method is not supported")),
    }
}

/// The host of an address, or its scheme where that is one of an application on the device.
fn host_of(uri: Option<&String>) -> String {
    let url = uri.and_then(|uri| Url::parse(uri).ok());
    let host = url.map(|url| url.host_str().unwrap_or(url.scheme()).to_owned());
    host.unwrap_or_default()
}

fn invalid(description: &str) -> OauthError {
    OauthError::of_authorization("invalid_client_metadata".to_owned(), description.to_owned())
}

/// The error of RFC 7591 §3.2.2 for a refusal.
fn refused(error: AuthError) -> OauthError {
    if error.is_refused_as(ErrorReason::TokenMalformed) {
        return OauthError::invalid_token();
    }
    match error {
        AuthError::Refused(refusal) => {
            let is_address = refusal.message.contains("redirect_uris");
            let code = if is_address {
                "invalid_redirect_uri"
            } else {
                "invalid_client_metadata"
            };
            OauthError::of_authorization(code.to_owned(), refusal.message)
        }
        error => error.into(),
    }
}

fn response(registered: RegisteredClient, metadata: ClientMetadata) -> RegistrationResponse {
    let secret = registered.client_secret;
    let secret = secret.map(|secret| secret.expose_secret().to_owned());
    RegistrationResponse {
        client_id: registered.client_id,
        client_id_issued_at: registered.created_at.unix_timestamp(),
        client_secret_expires_at: secret.is_some().then_some(0),
        client_secret: secret,
        metadata: ClientMetadata {
            id_token_signed_response_alg: Some(registered.id_token_algorithm),
            ..metadata
        },
    }
}
