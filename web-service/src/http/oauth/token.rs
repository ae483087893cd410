//! `POST /oauth2/token` (RFC 6749 §4.1.3, §4.4, §6). There is no password grant: OAuth removed it (RFC 9700 §2.4), as it gives passwords to
//! third-party programs. First-party programs use `/api/login`.

use axum::{Json, extract::State};
use holdfast_client::{
    AuthClient, ClientAuthentication, ClientInfo, CodeExchange, ErrorReason, Tokens,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{
    dpop::Dpop,
    extract::client::ApiClientInfo,
    oauth::{error::OauthError, form::OauthForm},
};

/// A token response (RFC 6749 §5.1).
#[derive(Serialize, ToSchema)]
#[schema(as = OauthTokens, example = json!({"access_token": "eyJ…", "token_type": "Bearer", "expires_in": 900, "scope": "orders:read"}))]
pub(in crate::http) struct TokenResponse {
    access_token: String,
    token_type: String,
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    refresh_token: Option<String>,
    scope: String,
    /// The ID token (OpenID Connect Core 1.0 §2), where the scope `openid` was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    id_token: Option<String>,
}

impl From<Tokens> for TokenResponse {
    fn from(tokens: Tokens) -> Self {
        let exposed = |token: SecretString| token.expose_secret().to_owned();
        Self {
            access_token: exposed(tokens.access_token),
            token_type: tokens.token_type,
            expires_in: tokens.expires_in.as_secs(),
            refresh_token: tokens.refresh_token.map(exposed),
            scope: tokens.scope,
            id_token: tokens.id_token.map(exposed),
        }
    }
}

/// Exchanges a grant for tokens.
#[utoipa::path(
    post,
    path = "/oauth2/token",
    tag = "oauth",
    operation_id = "oauth_token",
    request_body(content = crate::http::oauth::form::TokenForm, content_type = "application/x-www-form-urlencoded"),
    security((), ("client" = [])),
    responses((status = 200, description = "Tokens (RFC 6749 §5.1)", body = TokenResponse)),
)]
pub(in crate::http) async fn submit(
    State(auth): State<AuthClient>,
    ApiClientInfo(client): ApiClientInfo,
    dpop: Dpop,
    form: OauthForm,
) -> Result<Json<TokenResponse>, OauthError> {
    let tokens = match form.required("grant_type")? {
        "authorization_code" => authorization_code(&auth, &client, &form, &dpop).await?,
        "client_credentials" => client_credentials(&auth, &form, &dpop).await?,
        "refresh_token" => refresh(&auth, &client, &form, &dpop).await?,
        _ => return Err(OauthError::unsupported_grant_type()),
    };
    Ok(Json(tokens.into()))
}

async fn authorization_code(
    auth: &AuthClient,
    client: &ClientInfo,
    form: &OauthForm,
    dpop: &Dpop,
) -> Result<Tokens, OauthError> {
    let exchange = CodeExchange {
        code: &form.required("code")?.to_owned().into(),
        redirect_uri: form.required("redirect_uri")?,
        verifier: &form.required("code_verifier")?.to_owned().into(),
        client: &form.client,
        audience: form.parameter("resource").unwrap_or_default(),
    };
    let issued = auth.exchange_code(&exchange, client, dpop.proof()).await;
    Ok(dpop.keep_nonce(issued)?)
}

async fn client_credentials(
    auth: &AuthClient,
    form: &OauthForm,
    dpop: &Dpop,
) -> Result<Tokens, OauthError> {
    let scope = form.parameter("scope").unwrap_or_default();
    // RFC 8707; other servers call it `audience`.
    let audience = form.parameter("resource").or(form.parameter("audience"));
    let audience = audience.unwrap_or_default();
    let issued = auth
        .issue_to_client(&form.client, audience, scope, dpop.proof())
        .await;
    Ok(dpop.keep_nonce(issued)?)
}

async fn refresh(
    auth: &AuthClient,
    client: &ClientInfo,
    form: &OauthForm,
    dpop: &Dpop,
) -> Result<Tokens, OauthError> {
    let token: SecretString = form.required("refresh_token")?.to_owned().into();
    let is_anonymous =
        form.client.id.is_none() && matches!(form.client.proof, ClientAuthentication::None);
    let credentials = Some(&form.client).filter(|_| !is_anonymous);
    let scope = form.parameter("scope").unwrap_or_default();
    let issued = auth
        .refresh_for_client(&token, credentials, scope, client, dpop.proof())
        .await;
    dpop.keep_nonce(issued).map_err(|error| {
        // RFC 6749 §5.2
        if error.is_refused_as(ErrorReason::UnauthorizedClient) {
            OauthError::foreign_grant()
        } else {
            error.into()
        }
    })
}
