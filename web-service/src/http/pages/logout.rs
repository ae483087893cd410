//! `POST /logout`

use axum::{
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use serde::Deserialize;

use super::{error::ErrorPage, render::with_cookie};
use crate::{
    domain::sign_out::sign_out,
    http::{
        cookies,
        failure::Failure,
        form::{ProvenForm, ToSession},
        state::AppState,
    },
};

/// The form has its token and nothing else.
#[derive(Deserialize)]
pub(in crate::http) struct Nothing {}

/// Ends the login and the session, and removes the cookie. While one part does not answer, the other is still done.
pub(in crate::http) async fn submit(
    State(state): State<AppState>,
    headers: axum::http::HeaderMap,
    _form: ProvenForm<Nothing, ToSession>,
) -> Result<Response, ErrorPage> {
    if let Some(id) = cookies::session_id(&headers) {
        let session = state.sessions.find(&id).await.map_err(Failure::from)?;
        if let Some(session) = session {
            sign_out(&*state.auth, &*state.end_later, &session.refresh_token).await;
        }
        state.sessions.end(&id).await.map_err(Failure::from)?;
    }
    let response = Redirect::to("/login").into_response();
    Ok(with_cookie(response, cookies::remove_session()))
}
