//! `POST /api/session/token`: access tokens for scripts of pages.

use axum::{Json, extract::State};
use holdfast_client::{AuthClient, AuthorizationGrant, Holder};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{api::problem::Problem, extract::caller::ApiSession};

/// Scope of the tokens for scripts of pages: to show who is signed in, and no access to the account.
const SCOPE: &str = "profile";

/// An access token for scripts of a page. There is no refresh token: the page requests another while the session lasts.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"access_token": "eyJ…", "token_type": "Bearer", "expires_in": 900, "scope": "profile"}))]
pub(in crate::http) struct SessionToken {
    access_token: String,
    token_type: String,
    expires_in: u64,
    scope: String,
}

/// Issues an access token for scripts of a page of this origin.
#[utoipa::path(
    post,
    path = "/api/session/token",
    tag = "session",
    operation_id = "session_token",
    security(("cookie" = [])),
    responses((status = 200, description = "A token for scripts of the page", body = SessionToken)),
)]
pub(in crate::http) async fn submit(
    State(auth): State<AuthClient>,
    ApiSession(session): ApiSession,
) -> Result<Json<SessionToken>, Problem> {
    let grant = AuthorizationGrant::RefreshToken(&session.record.refresh_token);
    let tokens = auth
        .issue_token(grant, SCOPE, Holder::Browser, None)
        .await
        .map_err(Problem::for_session)?;
    Ok(Json(SessionToken {
        access_token: tokens.access_token.expose_secret().to_owned(),
        token_type: tokens.token_type,
        expires_in: tokens.expires_in.as_secs(),
        scope: tokens.scope,
    }))
}
