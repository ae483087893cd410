//! `GET /`

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse as _, Response},
};

use crate::http::{
    dbsc,
    pages::{render::page, self_reload::SelfReload},
    request_source::{Socket, Visitor},
    signed_in::{AuthenticatedSession, SessionError},
    state::AppState,
};

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    username: Option<String>,
}

/// Says what this is; says hello to who is signed in, as far as that can be told.
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    uri: Uri,
    Socket(socket): Socket,
    headers: HeaderMap,
) -> Response {
    let visitor = Visitor {
        headers: &headers,
        socket,
    };
    let username = match AuthenticatedSession::find(visitor, &state).await {
        Ok(browser) => Some(browser.session.username.clone()),
        Err(SessionError::NoProof) if dbsc::is_led_here(&headers) => {
            return SelfReload::at(&uri).into_response();
        }
        Err(_) => None,
    };
    page(StatusCode::OK, &Home { username })
}
