//! `GET /api/session`

use axum::{Json, extract::State};
use serde::Serialize;

use super::caller::ApiBrowser;
use crate::{domain::sessions::Sessions, http::time::rfc3339};

/// The session of the cookie.
#[derive(Serialize)]
pub(in crate::http) struct SessionAnswer {
    username: String,
    sub: String,
    sid: String,
    auth_time: String,
    amr: Vec<String>,
    created_at: String,
    /// When it ends if no request comes.
    idle_expires_at: String,
    /// When it ends whatever comes.
    expires_at: String,
}

/// Who is signed in with this browser, since when and until when.
pub(in crate::http) async fn show(
    State(sessions): State<Sessions>,
    ApiBrowser(browser): ApiBrowser,
) -> Json<SessionAnswer> {
    let (session, lifetimes) = (browser.session, sessions.lifetimes());
    Json(SessionAnswer {
        auth_time: rfc3339(session.authenticated_at),
        created_at: rfc3339(session.created_at),
        idle_expires_at: rfc3339(lifetimes.idle_end(&session)),
        expires_at: rfc3339(lifetimes.absolute_end(&session)),
        username: session.username,
        sub: session.user_id,
        sid: session.sid,
        amr: session.amr,
    })
}
