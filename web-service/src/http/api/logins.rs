//! `GET`, `DELETE /api/logins`, `DELETE /api/logins/{sid}` and `DELETE /api/grants/{id}`: the logins of the account.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use holdfast_client::{AuthClient, ClientKind, GrantRecord, LoginRecord};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    http::{
        api::problem::Problem,
        extract::caller::ApiCaller,
        time::{Rfc3339, rfc3339},
    },
    session::{browser_session::level, user_agent::describe},
};

/// The logins of the account.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"logins": [{"sid": "a3bb189e-8bf9-4c4e-9bbb-3d6b2a4f3c11", "kind": "browser", "client": "Firefox on Linux", "user_agent": "Mozilla/5.0 …", "ip_address": "192.0.2.1", "created_at": "2027-01-01T12:00:00Z", "auth_time": "2027-01-01T12:00:00Z", "amr": ["pwd"], "acr": "aal1", "last_seen_at": "2027-01-01T12:00:00Z", "expires_at": "2027-04-01T12:00:00Z", "bound_at": "2027-01-01T12:00:01Z", "grants": [{"id": "a3bb189e-8bf9-4c4e-9bbb-3d6b2a4f3c11", "client_id": "first-party", "scope": "profile account", "created_at": "2027-01-01T12:00:00Z", "refreshed_at": "2027-01-01T12:00:00Z"}], "current": true}]}))]
pub(in crate::http) struct Logins {
    logins: Vec<LoginResponse>,
}

/// A live login of the account, with its grants.
#[derive(Serialize, ToSchema)]
#[schema(as = Login, example = json!({"sid": "a3bb189e-8bf9-4c4e-9bbb-3d6b2a4f3c11", "kind": "browser", "client": "Firefox on Linux", "user_agent": "Mozilla/5.0 …", "ip_address": "192.0.2.1", "created_at": "2027-01-01T12:00:00Z", "auth_time": "2027-01-01T12:00:00Z", "amr": ["pwd"], "acr": "aal1", "last_seen_at": "2027-01-01T12:00:00Z", "expires_at": "2027-04-01T12:00:00Z", "bound_at": "2027-01-01T12:00:01Z", "grants": [{"id": "a3bb189e-8bf9-4c4e-9bbb-3d6b2a4f3c11", "client_id": "first-party", "scope": "profile account", "created_at": "2027-01-01T12:00:00Z", "refreshed_at": "2027-01-01T12:00:00Z"}], "current": true}))]
struct LoginResponse {
    sid: String,
    /// `browser` or `api`.
    kind: &'static str,
    /// Browser or program, and operating system, from the user agent.
    client: String,
    user_agent: String,
    ip_address: String,
    #[schema(value_type = String)]
    created_at: Rfc3339,
    #[schema(value_type = String)]
    auth_time: Rfc3339,
    amr: Vec<String>,
    /// Strength of the latest authentication: `aal1`, `aal2`, or `phr` (phishing-resistant).
    acr: &'static str,
    #[schema(value_type = String)]
    last_seen_at: Rfc3339,
    #[schema(value_type = String)]
    expires_at: Rfc3339,
    /// Time of the binding to the browser's device; null for a login that is not bound.
    #[schema(value_type = Option<String>)]
    bound_at: Option<Rfc3339>,
    /// What it allowed each OAuth client.
    grants: Vec<GrantResponse>,
    /// Whether it is the login of this request.
    current: bool,
}

/// What a login allowed one OAuth client.
#[derive(Serialize, ToSchema)]
#[schema(as = Grant, example = json!({"id": "a3bb189e-8bf9-4c4e-9bbb-3d6b2a4f3c11", "client_id": "first-party", "scope": "profile account", "created_at": "2027-01-01T12:00:00Z", "refreshed_at": "2027-01-01T12:00:00Z"}))]
struct GrantResponse {
    /// The grant that a login began with has the identifier of the login.
    id: String,
    client_id: String,
    scope: String,
    #[schema(value_type = String)]
    created_at: Rfc3339,
    #[schema(value_type = String)]
    refreshed_at: Rfc3339,
}

impl From<GrantRecord> for GrantResponse {
    fn from(grant: GrantRecord) -> Self {
        Self {
            id: grant.id,
            client_id: grant.client_id,
            scope: grant.scope,
            created_at: rfc3339(grant.created_at),
            refreshed_at: rfc3339(grant.refreshed_at),
        }
    }
}

impl From<LoginRecord> for LoginResponse {
    fn from(login: LoginRecord) -> Self {
        Self {
            sid: login.sid,
            kind: match login.kind {
                ClientKind::Browser => "browser",
                ClientKind::Api => "api",
            },
            client: describe(login.user_agent.as_deref()),
            user_agent: login.user_agent.unwrap_or_default(),
            ip_address: login
                .ip_address
                .map(|address| address.to_string())
                .unwrap_or_default(),
            created_at: rfc3339(login.created_at),
            auth_time: rfc3339(login.authenticated_at),
            amr: login.amr,
            acr: level(login.acr.as_deref()).acr(),
            last_seen_at: rfc3339(login.last_seen_at),
            expires_at: rfc3339(login.expires_at),
            bound_at: login.bound_at.map(rfc3339),
            grants: login.grants.into_iter().map(GrantResponse::from).collect(),
            current: login.is_current,
        }
    }
}

/// Lists where the account's owner is signed in.
#[utoipa::path(
    get,
    path = "/api/logins",
    tag = "logins",
    operation_id = "logins",
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 200, description = "Where the person is signed in", body = Logins)),
)]
pub(in crate::http) async fn list(
    State(auth): State<AuthClient>,
    caller: ApiCaller,
) -> Result<Json<Logins>, Problem> {
    let logins = auth.logins(&caller.authorization).await;
    let logins = caller.result(logins)?;
    Ok(Json(Logins {
        logins: logins.into_iter().map(LoginResponse::from).collect(),
    }))
}

/// Ends a login of the account. One of another account is answered as one that does not exist.
#[utoipa::path(
    delete,
    path = "/api/logins/{sid}",
    tag = "logins",
    operation_id = "end_login",
    params(("sid" = String, Path, description = "The login")),
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 204, description = "It has ended"), (status = 404, description = "The account has no such active login", body = crate::http::api::problem::Body, content_type = "application/problem+json")),
)]
pub(in crate::http) async fn end(
    State(auth): State<AuthClient>,
    caller: ApiCaller,
    Path(sid): Path<String>,
) -> Result<StatusCode, Problem> {
    let ended = auth
        .end_login_by_id(&caller.authorization, &sid, &caller.client)
        .await;
    caller.result(ended)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends a grant of a login, and revokes its tokens. With the grant that a login began with, the login ends. A grant of another account is
/// answered as one that does not exist.
#[utoipa::path(
    delete,
    path = "/api/grants/{id}",
    tag = "logins",
    operation_id = "end_grant",
    params(("id" = String, Path, description = "The grant")),
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 204, description = "It has ended"), (status = 404, description = "The account has no such grant", body = crate::http::api::problem::Body, content_type = "application/problem+json")),
)]
pub(in crate::http) async fn end_grant(
    State(auth): State<AuthClient>,
    caller: ApiCaller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let ended = auth
        .end_grant(&caller.authorization, &id, &caller.client)
        .await;
    caller.result(ended)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all logins of the account but that of this request.
#[utoipa::path(
    delete,
    path = "/api/logins",
    tag = "logins",
    operation_id = "end_other_logins",
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 204, description = "All others have ended")),
)]
pub(in crate::http) async fn end_others(
    State(auth): State<AuthClient>,
    caller: ApiCaller,
) -> Result<StatusCode, Problem> {
    let ended = auth
        .end_other_logins(&caller.authorization, &caller.client)
        .await;
    caller.result(ended)?;
    Ok(StatusCode::NO_CONTENT)
}
