//! `GET /`

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};

use super::render::page;
use crate::http::{signed_in::Browser, state::AppState};

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    username: Option<String>,
}

/// Says what this is; says hello to who is signed in, as far as that can be told.
pub(in crate::http) async fn show(State(state): State<AppState>, headers: HeaderMap) -> Response {
    let browser = Browser::find(&headers, &state).await;
    let username = browser.ok().map(|browser| browser.session.username);
    page(StatusCode::OK, &Home { username })
}
