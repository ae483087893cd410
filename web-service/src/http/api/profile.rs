//! `GET /api/profile`

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::bearer::Bearer;
use crate::http::time::rfc3339;

/// Whose access token this is.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"logged_in_as": "ada", "sub": "67e55044-10b1-426f-9247-bb680e5fe0c8", "sid": "a3bb189e-8bf9-4c4e-9bbb-3d6b2a4f3c11", "scope": "profile", "expires_at": "2027-01-01T12:00:00Z"}))]
pub(in crate::http) struct Profile {
    logged_in_as: String,
    sub: String,
    sid: String,
    scope: String,
    expires_at: String,
}

/// Says who the access token speaks for.
#[utoipa::path(
    get,
    path = "/api/profile",
    tag = "tokens",
    operation_id = "profile",
    security(("bearer" = [])),
    responses((status = 200, description = "Whose token it is", body = Profile)),
)]
pub(in crate::http) async fn show(Bearer { claims, .. }: Bearer) -> Json<Profile> {
    Json(Profile {
        logged_in_as: claims.username.clone(),
        sub: claims.subject.clone(),
        sid: claims.sid.clone(),
        scope: claims.scope.clone(),
        expires_at: rfc3339(claims.expires_at),
    })
}
