//! `GET`, `POST /oauth2/userinfo`: claims of the account for a relying party (OpenID Connect Core 1.0 §5.3).

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use holdfast_client::Claims;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::extract::access_token::OpenIdClaims;

/// The claims of the account that the access token is about.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"sub": "67e55044-10b1-426f-9247-bb680e5fe0c8", "preferred_username": "ada"}))]
pub(in crate::http) struct UserInfo<'a> {
    sub: &'a str,
    /// The username, with the scope `profile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    preferred_username: Option<&'a str>,
}

/// Shows the claims of the account. The access token needs the scope `openid`.
#[utoipa::path(
    get,
    path = "/oauth2/userinfo",
    tag = "oauth",
    operation_id = "userinfo",
    security(("bearer" = [])),
    responses((status = 200, description = "The claims of the account (OpenID Connect Core 1.0 §5.3.2)", body = UserInfo)),
)]
pub(in crate::http) async fn show(OpenIdClaims(claims): OpenIdClaims) -> Response {
    response(&claims)
}

/// Shows the claims of the account, as by `GET`. The body is not read.
#[utoipa::path(
    post,
    path = "/oauth2/userinfo",
    tag = "oauth",
    operation_id = "userinfo_by_post",
    security(("bearer" = [])),
    responses((status = 200, description = "The claims of the account (OpenID Connect Core 1.0 §5.3.2)", body = UserInfo)),
)]
pub(in crate::http) async fn show_by_post(OpenIdClaims(claims): OpenIdClaims) -> Response {
    response(&claims)
}

fn response(claims: &Claims) -> Response {
    let shows_profile = claims.scope.split(' ').any(|scope| scope == "profile");
    let username = claims.username.as_deref();
    Json(UserInfo {
        sub: &claims.subject,
        preferred_username: username.filter(|_| shows_profile),
    })
    .into_response()
}
