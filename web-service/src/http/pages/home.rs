//! `GET /`

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};

use super::render::page;
use crate::{
    domain::{session::Session, sessions::Sessions},
    http::cookies,
};

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    username: Option<String>,
}

/// Says what this is; says hello to who is signed in.
pub(in crate::http) async fn show(
    State(sessions): State<Sessions>,
    headers: HeaderMap,
) -> Response {
    let username = visitor(&sessions, &headers)
        .await
        .map(|session| session.username);
    page(StatusCode::OK, &Home { username })
}

/// The session of the cookie, as far as this service alone can tell; none while the store is away.
pub(super) async fn visitor(sessions: &Sessions, headers: &HeaderMap) -> Option<Session> {
    let id = cookies::session_id(headers)?;
    sessions.resume(&id).await.ok().flatten()
}
