//! `POST /oauth2/introspect` (RFC 7662)

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use serde_json::json;
use time::OffsetDateTime;

use super::{error::OauthError, form::OauthForm};
use crate::domain::auth::{Auth, Introspection};

/// RFC 7662 §2.2, and `sid` and `auth_time`.
#[derive(Serialize)]
struct Told {
    active: bool,
    scope: String,
    client_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    username: String,
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    sub: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    aud: String,
    iss: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    jti: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    sid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
}

impl From<Introspection> for Told {
    fn from(told: Introspection) -> Self {
        let seconds = |at: Option<OffsetDateTime>| at.map(OffsetDateTime::unix_timestamp);
        Self {
            active: true,
            scope: told.scope,
            client_id: told.client_id,
            username: told.username,
            token_type: if told.is_refresh_token {
                "refresh_token"
            } else {
                "Bearer"
            },
            exp: seconds(told.expires_at),
            iat: seconds(told.issued_at),
            sub: told.subject,
            aud: told.audience,
            iss: told.issuer,
            jti: told.jti,
            sid: told.sid,
            auth_time: seconds(told.authenticated_at),
        }
    }
}

/// What a token is worth. Of one that is worth nothing, nothing else is said.
pub(in crate::http) async fn submit(
    State(auth): State<Arc<dyn Auth>>,
    form: OauthForm,
) -> Result<Response, OauthError> {
    let token = form.required("token")?;
    Ok(match auth.introspect(&form.client, token).await? {
        Some(told) => Json(Told::from(told)).into_response(),
        None => Json(json!({"active": false})).into_response(),
    })
}
