//! `GET /api/profile`

use axum::Json;
use serde::Serialize;

use super::bearer::Bearer;
use crate::http::time::rfc3339;

/// Whose access token this is.
#[derive(Serialize)]
pub(in crate::http) struct Profile {
    logged_in_as: String,
    sub: String,
    sid: String,
    scope: String,
    expires_at: String,
}

/// Says who the access token speaks for.
pub(in crate::http) async fn show(Bearer { claims, .. }: Bearer) -> Json<Profile> {
    Json(Profile {
        logged_in_as: claims.username,
        sub: claims.subject,
        sid: claims.sid,
        scope: claims.scope,
        expires_at: rfc3339(claims.expires_at),
    })
}
