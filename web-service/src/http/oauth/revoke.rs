//! `POST /oauth2/revoke` (RFC 7009)

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};

use super::{error::OauthError, form::OauthForm};
use crate::{
    domain::auth::{Auth, ClientKind},
    http::client::Peer,
};

/// Ends a token: an access token alone, a refresh token with its login. One that is none is ended already.
#[utoipa::path(
    post,
    path = "/oauth2/revoke",
    tag = "oauth",
    operation_id = "oauth_revoke",
    request_body(content = super::form::SomeToken, content_type = "application/x-www-form-urlencoded"),
    security((), ("client" = [])),
    responses((status = 200, description = "It is of no use any more (RFC 7009)")),
)]
pub(in crate::http) async fn submit(
    State(auth): State<Arc<dyn Auth>>,
    peer: Peer,
    form: OauthForm,
) -> Result<StatusCode, OauthError> {
    let token = form.required("token")?;
    let client = peer.into_client(ClientKind::Api);
    auth.revoke(&form.client, token, &client).await?;
    Ok(StatusCode::OK)
}
