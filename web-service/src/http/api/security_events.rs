//! `GET /api/account/security-events`: what happened to the account.

use axum::{Json, extract::State};
use holdfast_client::{AuthClient, SecurityEvent};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{
    api::problem::Problem,
    extract::caller::ApiCaller,
    time::{Rfc3339, rfc3339},
};

/// The latest security events of the account.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"events": [{"kind": "PASSKEY_ADDED", "at": "2027-01-01T12:00:00Z", "own": false, "by_administrator": false, "ip_address": "192.0.2.1", "user_agent": "Mozilla/5.0"}]}))]
pub(in crate::http) struct SecurityEventList {
    /// At most two of each kind and of the last 30 days, the newest first.
    events: Vec<SecurityEventResponse>,
}

/// A change of what gives access to the account, or a sign of a theft.
#[derive(Serialize, ToSchema)]
#[schema(as = SecurityEvent, example = json!({"kind": "RECOVERY_CODE_USED", "at": "2027-01-01T12:00:00Z", "own": true, "by_administrator": false, "ip_address": null, "user_agent": null}))]
struct SecurityEventResponse {
    /// The kind, as in the audit trail: `PASSWORD_CHANGED`, `PASSKEY_ADDED`, and others.
    kind: String,
    #[schema(value_type = String)]
    at: Rfc3339,
    /// Whether the login of this request caused it.
    own: bool,
    /// Whether an administrator caused it.
    by_administrator: bool,
    ip_address: Option<String>,
    user_agent: Option<String>,
}

impl From<SecurityEvent> for SecurityEventResponse {
    fn from(event: SecurityEvent) -> Self {
        Self {
            kind: event.kind,
            at: rfc3339(event.at),
            own: event.is_own,
            by_administrator: event.is_by_administrator,
            ip_address: event.ip_address.map(|address| address.to_string()),
            user_agent: event.user_agent,
        }
    }
}

/// Lists the latest security events of the account.
#[utoipa::path(
    get,
    path = "/api/account/security-events",
    tag = "account",
    operation_id = "security_events",
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 200, description = "The events", body = SecurityEventList)),
)]
pub(in crate::http) async fn list(
    State(auth): State<AuthClient>,
    caller: ApiCaller,
) -> Result<Json<SecurityEventList>, Problem> {
    let overview = auth.security_overview(&caller.authorization).await;
    let events = caller.result(overview)?.events.into_iter();
    Ok(Json(SecurityEventList {
        events: events.map(SecurityEventResponse::from).collect(),
    }))
}
