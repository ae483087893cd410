//! `GET /`: the start page.

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse as _, Response},
};

use crate::{
    http::{
        extract::peer::PeerAddress,
        pages::{render::page, self_reload::SelfReload},
        state::AppState,
    },
    request::device_proof::is_cross_site_navigation,
    session::authenticator::SessionError,
};

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    username: Option<String>,
}

/// The start page, with the username of the person who is signed in.
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    uri: Uri,
    PeerAddress(peer): PeerAddress,
    headers: HeaderMap,
) -> Response {
    let request = state.requests.read(&headers, peer);
    let username = match state.authenticator.authenticate(&request).await {
        Ok(session) => Some(session.record.username.clone()),
        Err(SessionError::NoDeviceProof) if is_cross_site_navigation(&headers) => {
            return SelfReload::at(&uri).into_response();
        }
        Err(_) => None,
    };
    page(StatusCode::OK, &Home { username })
}
