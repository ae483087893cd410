//! `POST /oauth2/revoke` (RFC 7009)

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use holdfast_client::auth::AuthService;

use crate::http::{
    dpop::Dpop,
    extract::client::ApiClientInfo,
    oauth::{error::OauthError, form::OauthForm},
};

/// Ends a token: an access token alone, a refresh token with its login. One that is none is ended already. One that is bound to a
/// key takes the proof of it, as its use does, unless the client that it was issued to authenticates itself.
#[utoipa::path(
    post,
    path = "/oauth2/revoke",
    tag = "oauth",
    operation_id = "oauth_revoke",
    request_body(content = crate::http::oauth::form::SomeToken, content_type = "application/x-www-form-urlencoded"),
    security((), ("client" = [])),
    responses((status = 200, description = "It is of no use any more (RFC 7009)")),
)]
pub(in crate::http) async fn submit(
    State(auth): State<Arc<dyn AuthService>>,
    ApiClientInfo(client): ApiClientInfo,
    dpop: Dpop,
    form: OauthForm,
) -> Result<StatusCode, OauthError> {
    let token = form.required("token")?;
    let credentials = Some(&form.client);
    let revoked = auth.revoke(credentials, token, dpop.proof(), &client).await;
    dpop.keep_nonce(revoked)?;
    Ok(StatusCode::OK)
}
