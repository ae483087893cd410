//! `POST /oauth2/introspect` (RFC 7662)

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use holdfast_client::{
    auth::{AuthService, Introspection},
    revocations::{Named, Revocations},
};
use serde::Serialize;
use serde_json::json;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::http::oauth::{error::OauthError, form::OauthForm};

/// RFC 7662 §2.2, and `sid` and `auth_time`.
#[derive(Serialize, ToSchema)]
#[schema(as = Introspection, example = json!({"active": true, "scope": "profile", "client_id": "first-party", "username": "ada", "token_type": "Bearer", "exp": 1_800_000_000, "iat": 1_799_999_100, "sub": "67e55044-10b1-426f-9247-bb680e5fe0c8", "aud": "https://id.example", "iss": "https://id.example", "jti": "…", "sid": "…", "auth_time": 1_799_999_000}))]
pub(in crate::http) struct IntrospectionResponse {
    active: bool,
    #[schema(required = false)]
    scope: String,
    #[schema(required = false)]
    client_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    username: String,
    #[schema(required = false)]
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    #[schema(required = false)]
    sub: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    aud: String,
    #[schema(required = false)]
    iss: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    jti: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    sid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation>,
}

/// The key that the token is bound to (RFC 9449 §6.2).
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}))]
struct Confirmation {
    jkt: String,
}

impl From<Introspection> for IntrospectionResponse {
    fn from(told: Introspection) -> Self {
        let seconds = |at: Option<OffsetDateTime>| at.map(OffsetDateTime::unix_timestamp);
        Self {
            active: true,
            scope: told.scope,
            client_id: told.client_id,
            username: told.username,
            token_type: if told.jkt.is_empty() {
                "Bearer"
            } else {
                "DPoP"
            },
            cnf: Some(told.jkt)
                .filter(|jkt| !jkt.is_empty())
                .map(|jkt| Confirmation { jkt }),
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

/// What an access token is worth, for a client that authenticates itself. Of one that is worth nothing, nothing else is said.
#[utoipa::path(
    post,
    path = "/oauth2/introspect",
    tag = "oauth",
    operation_id = "oauth_introspect",
    request_body(content = crate::http::oauth::form::SomeToken, content_type = "application/x-www-form-urlencoded"),
    security(("client" = [])),
    responses((status = 200, description = "What it is worth (RFC 7662)", body = IntrospectionResponse)),
)]
pub(in crate::http) async fn submit(
    State(auth): State<Arc<dyn AuthService>>,
    State(revocations): State<Arc<dyn Revocations>>,
    form: OauthForm,
) -> Result<Response, OauthError> {
    let token = form.required("token")?;
    let told = auth.introspect(&form.client, token).await?;
    Ok(
        match told.filter(|told| !revocations.has_ended(Named::from(told))) {
            Some(told) => Json(IntrospectionResponse::from(told)).into_response(),
            None => Json(json!({"active": false})).into_response(),
        },
    )
}
