//! `POST /api/refresh`: the next tokens of a login.

use axum::extract::State;
use holdfast_client::{AuthClient, AuthorizationGrant, Holder};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::{
    api::{problem::Problem, tokens::TokenResponse},
    dpop::Dpop,
    extract::{client::ApiClientInfo, json::Json},
};

/// The body of a refresh.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"refresh_token": "hfr_…"}))]
pub(in crate::http) struct Refresh {
    #[schema(value_type = String, format = Password)]
    refresh_token: SecretString,
}

/// Exchanges a refresh token for an access token and the next refresh token.
#[utoipa::path(
    post,
    path = "/api/refresh",
    tag = "tokens",
    operation_id = "refresh",
    request_body = Refresh,
    responses((status = 200, description = "The next pair of tokens", body = crate::http::api::tokens::TokenResponse)),
)]
pub(in crate::http) async fn submit(
    State(auth): State<AuthClient>,
    ApiClientInfo(client): ApiClientInfo,
    dpop: Dpop,
    Json(refresh): Json<Refresh>,
) -> Result<axum::Json<TokenResponse>, Problem> {
    let grant = AuthorizationGrant::RefreshToken(&refresh.refresh_token);
    let issued = auth
        .issue_token(grant, "", Holder::Program(&client), dpop.proof())
        .await;
    let tokens = dpop.keep_nonce(issued).map_err(Problem::for_credential)?;
    Ok(axum::Json(tokens.into()))
}
