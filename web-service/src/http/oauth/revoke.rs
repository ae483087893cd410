//! `POST /oauth2/revoke`: token revocation (RFC 7009).

use axum::{extract::State, http::StatusCode};
use holdfast_client::AuthClient;

use crate::http::{
    dpop::Dpop,
    extract::client::ApiClientInfo,
    oauth::{error::OauthError, form::OauthForm},
};

/// Revokes an access token, or a refresh token with its grant. The end of the grant that a login began with is the end of the login.
///
/// An invalid token counts as revoked. A bound token needs a proof of its key, as its use does, unless the client that it was issued to
/// authenticates itself.
#[utoipa::path(
    post,
    path = "/oauth2/revoke",
    tag = "oauth",
    operation_id = "oauth_revoke",
    request_body(content = crate::http::oauth::form::TokenOnlyForm, content_type = "application/x-www-form-urlencoded"),
    security((), ("client" = [])),
    responses((status = 200, description = "The token is not valid any more (RFC 7009)")),
)]
pub(in crate::http) async fn submit(
    State(auth): State<AuthClient>,
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
