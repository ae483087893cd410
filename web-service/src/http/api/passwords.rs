//! `POST` and `DELETE /api/account/password`: accounts without a password, and back.

use axum::{extract::State, http::StatusCode};
use holdfast_client::AuthClient;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::{
    api::problem::Problem,
    extract::{caller::ApiCaller, json::Json},
};

/// The password of an account that has none.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewPassword, example = json!({"password": "correct horse battery staple"}))]
pub(in crate::http) struct NewPassword {
    /// 15 to 256 characters, or 8 where the account must have a second factor.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// Sets the password of an account that has none. It requires a recent authentication with the strongest factors.
#[utoipa::path(
    post,
    path = "/api/account/password",
    tag = "account",
    operation_id = "add_password",
    request_body = NewPassword,
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 204, description = "It is set"),
        (status = 409, description = "The account has a password", body = crate::http::api::problem::Body<'_>, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn add(
    State(auth): State<AuthClient>,
    caller: ApiCaller,
    Json(body): Json<NewPassword>,
) -> Result<StatusCode, Problem> {
    let added = auth.add_password(&caller.authorization, &body.password, &caller.client);
    caller.result(added.await)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes the password; the account is signed in to by passkeys then, and its other logins end. It requires a recent authentication by a
/// passkey.
#[utoipa::path(
    delete,
    path = "/api/account/password",
    tag = "account",
    operation_id = "remove_password",
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 204, description = "It is removed"),
        (status = 404, description = "The account has no password", body = crate::http::api::problem::Body<'_>, content_type = "application/problem+json"),
        (status = 409, description = "The account has neither two passkeys that sign in alone, nor one and recovery codes", body = crate::http::api::problem::Body<'_>, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn remove(
    State(auth): State<AuthClient>,
    caller: ApiCaller,
) -> Result<StatusCode, Problem> {
    let removed = auth.remove_password(&caller.authorization, &caller.client);
    caller.result(removed.await)?;
    Ok(StatusCode::NO_CONTENT)
}
