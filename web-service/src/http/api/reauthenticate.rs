//! `POST /api/session/reauthenticate`: reauthentication before a sensitive operation.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    http::{
        api::problem::Problem,
        extract::{caller::ApiSession, client::BrowserInfo, json::Json},
        set_cookie::{self, with_cookie},
        state::AppState,
    },
    session::sign_in::reauthenticate,
};

/// The body of a reauthentication.
#[derive(Deserialize, ToSchema)]
#[schema(as = Proof, example = json!({"password": "correct horse battery staple"}))]
pub(in crate::http) struct Password {
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// Authenticates the account's owner again; the session continues under a new id.
#[utoipa::path(
    post,
    path = "/api/session/reauthenticate",
    tag = "session",
    operation_id = "reauthenticate",
    request_body = Password,
    security(("cookie" = [])),
    responses((status = 204, description = "The session continues under a new id")),
)]
pub(in crate::http) async fn submit(
    State(state): State<AppState>,
    ApiSession(session): ApiSession,
    BrowserInfo(client): BrowserInfo,
    Json(body): Json<Password>,
) -> Result<Response, Problem> {
    let caller = state.authenticator.access_token(session).await?;
    let (auth, authorization) = (&state.auth, &caller.authorization);
    let reauthenticated = reauthenticate(auth, authorization, &body.password, &client).await;
    let at = reauthenticated.map_err(Problem::for_credential)?;
    let session = state.authenticator.renew(caller.session, at).await?;
    let cookie = set_cookie::set_session(state.cookie_names(), &session.id);
    Ok(with_cookie(StatusCode::NO_CONTENT.into_response(), cookie))
}
