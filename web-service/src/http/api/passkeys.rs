//! `POST /api/account/passkeys`, `/api/account/passkeys/finish` and `/api/account/passkeys/{id}/rename`: the passkeys of the account.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use holdfast_client::AuthClient;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    http::{
        api::{problem::Problem, steps::json_text},
        extract::{caller::ApiCaller, json},
        time::{Rfc3339, rfc3339},
    },
    service_error::ServiceError,
};

/// A passkey that is to be registered.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"registration": "hfa_…", "options": {"challenge": "…"}, "expires_at": "2027-01-01T12:10:00Z"}))]
pub(in crate::http) struct StartedPasskey {
    /// To be finished by the caller.
    registration: String,
    /// `PublicKeyCredentialCreationOptionsJSON` of WebAuthn Level 3.
    #[schema(value_type = Object)]
    options: Value,
    #[schema(value_type = String)]
    expires_at: Rfc3339,
}

/// Begins to register a passkey; nothing is stored. It requires a recent authentication with the strongest factors.
#[utoipa::path(
    post,
    path = "/api/account/passkeys",
    tag = "account",
    operation_id = "start_passkey",
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, description = "Options for the browser or app", body = StartedPasskey),
        (status = 409, description = "The account has too many passkeys, or passkeys are not used", body = crate::http::api::problem::Body<'_>, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn start(
    State(auth): State<AuthClient>,
    caller: ApiCaller,
) -> Result<Json<StartedPasskey>, Problem> {
    let started = auth.start_passkey_registration(&caller.authorization).await;
    let started = caller.result(started)?;
    let options = serde_json::from_str(&started.options);
    Ok(Json(StartedPasskey {
        registration: started.registration.expose_secret().to_owned(),
        options: options.map_err(|_| ServiceError::Internal)?,
        expires_at: rfc3339(started.expires_at),
    }))
}

/// The response of the browser or app.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"registration": "hfa_…", "response": {"id": "…", "type": "public-key"}, "label": "Phone"}))]
pub(in crate::http) struct RegisteredPasskey {
    #[schema(value_type = String, format = Password)]
    registration: SecretString,
    /// `RegistrationResponseJSON` of WebAuthn Level 3.
    #[serde(deserialize_with = "json_text")]
    #[schema(value_type = Object)]
    response: String,
    /// Name of the passkey, up to 64 characters.
    #[serde(default)]
    label: String,
}

/// A passkey of the account.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "0b9d6f5e-1f5f-4b7e-9a25-5f7cf3c7d1aa"}))]
pub(in crate::http) struct PasskeyId {
    id: String,
}

/// Adds the passkey to the account.
#[utoipa::path(
    post,
    path = "/api/account/passkeys/finish",
    tag = "account",
    operation_id = "finish_passkey",
    request_body = RegisteredPasskey,
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, description = "The passkey", body = PasskeyId),
        (status = 409, description = "The account was changed at the same time, or has the passkey already", body = crate::http::api::problem::Body<'_>, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn finish(
    State(auth): State<AuthClient>,
    caller: ApiCaller,
    json::Json(body): json::Json<RegisteredPasskey>,
) -> Result<Json<PasskeyId>, Problem> {
    let response = (&body.registration, body.response.as_str());
    let (authorization, client) = (&caller.authorization, &caller.client);
    let finished = auth
        .finish_passkey_registration(authorization, response, &body.label, client)
        .await;
    let id = caller.result(finished)?;
    Ok(Json(PasskeyId { id }))
}

/// Another name of a passkey.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"label": "Phone"}))]
pub(in crate::http) struct Label {
    label: String,
}

/// Gives a passkey another name.
#[utoipa::path(
    post,
    path = "/api/account/passkeys/{id}/rename",
    tag = "account",
    operation_id = "rename_passkey",
    params(("id" = String, Path, description = "The passkey")),
    request_body = Label,
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 204, description = "It has the name"),
        (status = 404, description = "The account has no such passkey", body = crate::http::api::problem::Body<'_>, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn rename(
    State(auth): State<AuthClient>,
    caller: ApiCaller,
    Path(id): Path<String>,
    json::Json(body): json::Json<Label>,
) -> Result<StatusCode, Problem> {
    let name = (id.as_str(), body.label.as_str());
    let renamed = auth.rename_passkey(&caller.authorization, name, &caller.client);
    caller.result(renamed.await)?;
    Ok(StatusCode::NO_CONTENT)
}
