//! `GET /api/session`: the session of the cookie.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    http::{
        extract::caller::ApiSession,
        time::{Rfc3339, rfc3339},
    },
    session::sessions::Sessions,
};

/// The session of the cookie.
#[derive(Serialize, ToSchema)]
#[schema(as = Session, example = json!({"username": "ada", "sub": "67e55044-10b1-426f-9247-bb680e5fe0c8", "sid": "a3bb189e-8bf9-4c4e-9bbb-3d6b2a4f3c11", "auth_time": "2027-01-01T12:00:00Z", "amr": ["pwd", "otp", "mfa"], "acr": "aal2", "created_at": "2027-01-01T12:00:00Z", "idle_expires_at": "2027-01-01T12:30:00Z", "expires_at": "2027-01-02T00:00:00Z", "bound_at": "2027-01-01T12:00:01Z"}))]
pub(in crate::http) struct SessionResponse<'a> {
    username: &'a str,
    sub: &'a str,
    sid: &'a str,
    #[schema(value_type = String)]
    auth_time: Rfc3339,
    amr: &'a [String],
    /// Strength of the latest authentication: `aal1`, `aal2`, or `phr` (phishing-resistant).
    acr: &'static str,
    #[schema(value_type = String)]
    created_at: Rfc3339,
    /// The end of the session without further requests.
    #[schema(value_type = String)]
    idle_expires_at: Rfc3339,
    /// The end of the session at the latest.
    #[schema(value_type = String)]
    expires_at: Rfc3339,
    /// Time of the binding to this device, which makes the cookie useless elsewhere; null for a session that is not bound.
    #[schema(value_type = Option<String>)]
    bound_at: Option<Rfc3339>,
}

/// Shows who is signed in with this browser, since when and until when.
#[utoipa::path(
    get,
    path = "/api/session",
    tag = "session",
    operation_id = "session",
    security(("cookie" = [])),
    responses((status = 200, description = "Who is signed in, since when, until when", body = SessionResponse)),
)]
pub(in crate::http) async fn show(
    State(sessions): State<Sessions>,
    ApiSession(session): ApiSession,
) -> Response {
    let (session, lifetimes) = (&*session.record, sessions.lifetimes());
    let device = session.device.as_ref();
    let response = SessionResponse {
        username: &session.username,
        sub: &session.user_id,
        sid: &session.sid,
        auth_time: rfc3339(session.authenticated_at),
        amr: &session.amr,
        acr: session.acr.acr(),
        created_at: rfc3339(session.created_at),
        idle_expires_at: rfc3339(lifetimes.idle_end(session)),
        expires_at: rfc3339(lifetimes.absolute_end(session)),
        bound_at: device.map(|device| rfc3339(device.bound_at)),
    };
    Json(response).into_response()
}
