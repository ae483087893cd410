//! `POST /oauth2/introspect`: token introspection (RFC 7662).

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use holdfast_client::{AuthClient, Introspection, RevocableIds, RevocationWatcher};
use serde::Serialize;
use serde_json::json;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::{
    forward_auth::policy::Authentication,
    http::oauth::{error::OauthError, form::OauthForm},
};

/// The response for an active token (RFC 7662 §2.2), with `sid`, and with `auth_time`, `acr` and `amr` of the latest authentication (RFC 9470 §6.2) in
/// addition.
#[derive(Serialize, ToSchema)]
#[schema(as = Introspection, example = json!({"active": true, "scope": "profile", "client_id": "first-party", "username": "ada", "token_type": "Bearer", "exp": 1_800_000_000, "iat": 1_799_999_100, "sub": "67e55044-10b1-426f-9247-bb680e5fe0c8", "aud": "https://id.example", "iss": "https://id.example", "jti": "…", "sid": "…", "auth_time": 1_799_999_000, "acr": "aal2", "amr": ["pwd", "otp", "mfa"]}))]
pub(in crate::http) struct IntrospectionResponse {
    active: bool,
    #[schema(required = false)]
    scope: String,
    #[schema(required = false)]
    client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    username: Option<String>,
    #[schema(required = false)]
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    #[schema(required = false)]
    sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    aud: Option<String>,
    #[schema(required = false)]
    iss: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    jti: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    sid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    /// `aal1`, `aal2` or `phr`; absent for a token of an OAuth client in its own name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    acr: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    amr: Vec<String>,
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
    fn from(introspection: Introspection) -> Self {
        let seconds = |at: Option<OffsetDateTime>| at.map(OffsetDateTime::unix_timestamp);
        let authentication = introspection.sid.as_ref().map(|_| {
            let acr = introspection.acr.as_deref();
            Authentication::of_claims(acr, &introspection.amr)
        });
        Self {
            active: true,
            scope: introspection.scope,
            client_id: introspection.client_id,
            username: introspection.username,
            token_type: if introspection.jkt.is_some() {
                "DPoP"
            } else {
                "Bearer"
            },
            cnf: introspection.jkt.map(|jkt| Confirmation { jkt }),
            exp: seconds(introspection.expires_at),
            iat: seconds(introspection.issued_at),
            sub: introspection.subject,
            aud: introspection.audience,
            iss: introspection.issuer,
            jti: introspection.jti,
            sid: introspection.sid,
            auth_time: seconds(introspection.authenticated_at),
            acr: authentication.as_ref().map(|latest| latest.level.acr()),
            amr: authentication
                .map(|latest| latest.factors.split(' ').map(str::to_owned).collect())
                .unwrap_or_default(),
        }
    }
}

/// Tells an authenticated client whether an access token is active, and what it contains.
///
/// The response for an inactive token says nothing else.
#[utoipa::path(
    post,
    path = "/oauth2/introspect",
    tag = "oauth",
    operation_id = "oauth_introspect",
    request_body(content = crate::http::oauth::form::TokenOnlyForm, content_type = "application/x-www-form-urlencoded"),
    security(("client" = [])),
    responses((status = 200, description = "Whether the token is active, and what it contains (RFC 7662)", body = IntrospectionResponse)),
)]
pub(in crate::http) async fn submit(
    State(auth): State<AuthClient>,
    State(revocations): State<RevocationWatcher>,
    form: OauthForm,
) -> Result<Response, OauthError> {
    let token = form.required("token")?;
    let introspection = auth.introspect(&form.client, token).await?;
    Ok(
        match introspection.filter(|found| !revocations.is_revoked(RevocableIds::from(found))) {
            Some(found) => Json(IntrospectionResponse::from(found)).into_response(),
            None => Json(json!({"active": false})).into_response(),
        },
    )
}
