//! `GET /api/profile`: the account's owner of an access token.

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{
    extract::access_token::AccessTokenClaims,
    time::{Rfc3339, rfc3339},
};

/// The account's owner, as the access token names them.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"logged_in_as": "ada", "sub": "67e55044-10b1-426f-9247-bb680e5fe0c8", "sid": "a3bb189e-8bf9-4c4e-9bbb-3d6b2a4f3c11", "scope": "profile", "expires_at": "2027-01-01T12:00:00Z"}))]
pub(in crate::http) struct Profile<'a> {
    logged_in_as: &'a str,
    sub: &'a str,
    sid: &'a str,
    scope: &'a str,
    #[schema(value_type = String)]
    expires_at: Rfc3339,
}

/// Shows whose access token it is.
#[utoipa::path(
    get,
    path = "/api/profile",
    tag = "tokens",
    operation_id = "profile",
    security(("bearer" = [])),
    responses((status = 200, description = "Whose access token it is", body = Profile)),
)]
pub(in crate::http) async fn show(AccessTokenClaims(claims): AccessTokenClaims) -> Response {
    let profile = Profile {
        logged_in_as: claims.username.as_deref().unwrap_or_default(),
        sub: &claims.subject,
        sid: claims.sid.as_deref().unwrap_or_default(),
        scope: &claims.scope,
        expires_at: rfc3339(claims.expires_at),
    };
    Json(profile).into_response()
}
