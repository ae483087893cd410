//! `GET /`

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};

use super::render::page;
use crate::http::{
    client::{Socket, Visitor},
    signed_in::Browser,
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
    Socket(socket): Socket,
    headers: HeaderMap,
) -> Response {
    let visitor = Visitor {
        headers: &headers,
        socket,
    };
    let browser = Browser::find(visitor, &state).await;
    let username = browser.ok().map(|browser| browser.session.username);
    page(StatusCode::OK, &Home { username })
}
