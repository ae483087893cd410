//! `GET /api/account/factors`, `DELETE /api/account/factors/{id}`, `POST /api/account/recovery-codes`, and below `/api/account/totp`: the factors
//! of the account.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use holdfast_client::{AuthClient, FactorKind, FactorRecord, SecurityOverview, TotpEnrolment};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{
    api::problem::Problem,
    extract::{caller::ApiCaller, json},
    time::{Rfc3339, rfc3339},
};

/// The factors of the account, and what is required of it.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"factors": [{"id": "0b9d6f5e-1f5f-4b7e-9a25-5f7cf3c7d1aa", "kind": "totp", "label": null, "created_at": "2027-01-01T12:00:00Z", "last_used_at": null}], "recovery_codes_left": 10, "second_factor_required": false, "password_optional": false, "strongest_acr": "aal2"}))]
pub(in crate::http) struct FactorList {
    factors: Vec<FactorResponse>,
    recovery_codes_left: u32,
    second_factor_required: bool,
    /// Whether the account needs no password, so that it can be removed, or has none.
    password_optional: bool,
    /// The greatest `acr` that a sign-in with these factors has, which a change of them requires.
    strongest_acr: String,
}

/// A factor of the account.
#[derive(Serialize, ToSchema)]
#[schema(as = Factor, example = json!({"id": "0b9d6f5e-1f5f-4b7e-9a25-5f7cf3c7d1aa", "kind": "passkey", "label": "Phone", "created_at": "2027-01-01T12:00:00Z", "last_used_at": "2027-01-02T12:00:00Z"}))]
struct FactorResponse {
    id: String,
    /// `password`, `totp` or `passkey`.
    kind: &'static str,
    label: Option<String>,
    #[schema(value_type = String)]
    created_at: Rfc3339,
    #[schema(value_type = Option<String>)]
    last_used_at: Option<Rfc3339>,
}

impl From<FactorRecord> for FactorResponse {
    fn from(factor: FactorRecord) -> Self {
        Self {
            id: factor.id,
            kind: match factor.kind {
                FactorKind::Password => "password",
                FactorKind::Totp => "totp",
                FactorKind::Passkey => "passkey",
            },
            label: factor.label,
            created_at: rfc3339(factor.created_at),
            last_used_at: factor.last_used_at.map(rfc3339),
        }
    }
}

impl From<SecurityOverview> for FactorList {
    fn from(overview: SecurityOverview) -> Self {
        let factors = overview.factors.into_iter();
        Self {
            factors: factors.map(FactorResponse::from).collect(),
            recovery_codes_left: overview.recovery_codes_left,
            second_factor_required: overview.second_factor_required,
            password_optional: overview.password_optional,
            strongest_acr: overview.strongest_acr,
        }
    }
}

/// Lists the factors of the account.
#[utoipa::path(
    get,
    path = "/api/account/factors",
    tag = "account",
    operation_id = "factors",
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 200, description = "The factors", body = FactorList)),
)]
pub(in crate::http) async fn list(
    State(auth): State<AuthClient>,
    caller: ApiCaller,
) -> Result<Json<FactorList>, Problem> {
    let overview = auth.security_overview(&caller.authorization).await;
    Ok(Json(caller.result(overview)?.into()))
}

/// Removes a second factor; the other logins of the account end. It requires a recent authentication with the strongest factors.
#[utoipa::path(
    delete,
    path = "/api/account/factors/{id}",
    tag = "account",
    operation_id = "remove_factor",
    params(("id" = String, Path, description = "The factor")),
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 204, description = "It is removed"),
        (status = 404, description = "The account has no such factor", body = crate::http::api::problem::Body<'_>, content_type = "application/problem+json"),
        (status = 409, description = "It is the last one of an account that must have one, or an account without a password needs it", body = crate::http::api::problem::Body<'_>, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn remove(
    State(auth): State<AuthClient>,
    caller: ApiCaller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let removed = auth.remove_factor(&caller.authorization, &id, &caller.client);
    caller.result(removed.await)?;
    Ok(StatusCode::NO_CONTENT)
}

/// One-time codes that are to be set up.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"enrolment": "hfa_…", "secret": "GEZDGNBVGY3TQOJQ", "uri": "otpauth://totp/…", "expires_at": "2027-01-01T12:10:00Z"}))]
pub(in crate::http) struct TotpSetUpResponse {
    /// To be confirmed by the caller.
    enrolment: String,
    /// In base32, as it is typed into an app.
    secret: String,
    /// The same for a QR code.
    uri: String,
    #[schema(value_type = String)]
    expires_at: Rfc3339,
}

impl From<TotpEnrolment> for TotpSetUpResponse {
    fn from(enrolment: TotpEnrolment) -> Self {
        Self {
            enrolment: enrolment.enrolment.expose_secret().to_owned(),
            secret: enrolment.set_up.secret,
            uri: enrolment.set_up.uri,
            expires_at: rfc3339(enrolment.expires_at),
        }
    }
}

/// Begins to set up one-time codes; nothing is stored. It requires a recent authentication with the strongest factors.
#[utoipa::path(
    post,
    path = "/api/account/totp",
    tag = "account",
    operation_id = "start_totp",
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 200, description = "What to store in an app", body = TotpSetUpResponse)),
)]
pub(in crate::http) async fn start_totp(
    State(auth): State<AuthClient>,
    caller: ApiCaller,
) -> Result<Json<TotpSetUpResponse>, Problem> {
    let enrolment = auth.start_totp_enrolment(&caller.authorization).await;
    Ok(Json(caller.result(enrolment)?.into()))
}

/// The first code of one-time codes that are set up.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"enrolment": "hfa_…", "code": "123456"}))]
pub(in crate::http) struct TotpConfirmation {
    #[schema(value_type = String, format = Password)]
    enrolment: SecretString,
    #[schema(value_type = String)]
    code: SecretString,
}

/// Adds the one-time codes to the account, in place of those from before.
#[utoipa::path(
    post,
    path = "/api/account/totp/confirm",
    tag = "account",
    operation_id = "confirm_totp",
    request_body = TotpConfirmation,
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 204, description = "The next sign-in requires a code")),
)]
pub(in crate::http) async fn confirm_totp(
    State(auth): State<AuthClient>,
    caller: ApiCaller,
    json::Json(body): json::Json<TotpConfirmation>,
) -> Result<StatusCode, Problem> {
    let (authorization, client) = (&caller.authorization, &caller.client);
    let confirmed = auth
        .confirm_totp_enrolment(authorization, &body.enrolment, &body.code, client)
        .await;
    caller.result(confirmed)?;
    Ok(StatusCode::NO_CONTENT)
}

/// New recovery codes.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"codes": ["7x3k-0m9w-p4dz-h2qa"]}))]
pub(in crate::http) struct RecoveryCodes {
    codes: Vec<String>,
}

/// Creates ten recovery codes in place of those from before, which cannot be read again. It requires a recent authentication with the strongest
/// factors.
#[utoipa::path(
    post,
    path = "/api/account/recovery-codes",
    tag = "account",
    operation_id = "create_recovery_codes",
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, description = "The codes", body = RecoveryCodes),
        (status = 409, description = "The account has no second factor", body = crate::http::api::problem::Body<'_>, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn create_codes(
    State(auth): State<AuthClient>,
    caller: ApiCaller,
) -> Result<Json<RecoveryCodes>, Problem> {
    let created = auth.create_recovery_codes(&caller.authorization, &caller.client);
    let codes = caller.result(created.await)?;
    let codes = codes.iter().map(|code| code.expose_secret().to_owned());
    Ok(Json(RecoveryCodes {
        codes: codes.collect(),
    }))
}
