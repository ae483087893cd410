//! `POST /session/refresh`: a fresh proof of the device key. It is never redirected, and an outage is never a sign-out: at a 4xx browsers
//! end the bound session, at a 5xx they keep it.

use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};

use crate::{
    http::{
        api::problem::Problem,
        dbsc::{
            SESSION_ID, bound, proof, report_rejected_proof, session_config::SessionEnd, text,
            with_challenge,
        },
        extract::{client::BrowserInfo, peer::PeerAddress},
        state::AppState,
    },
    service_error::ServiceError,
    session::{
        authenticator::AuthenticatedSession, browser_session::Session,
        device_binding::DeviceProofError,
    },
};

/// Verifies the proof for the session of the cookie, or demands one.
pub(in crate::http) async fn submit(
    State(state): State<AppState>,
    headers: HeaderMap,
    PeerAddress(peer): PeerAddress,
    BrowserInfo(client): BrowserInfo,
) -> Result<Response, Problem> {
    let request = state.requests.read(&headers, peer);
    let AuthenticatedSession {
        record: session, ..
    } = state.authenticator.open(&request).await?;
    // A browser keeps the bound sessions of earlier sign-ins until the response ends them.
    match text(&headers, &SESSION_ID) {
        Some(sid) if sid != session.sid => return Ok(Json(SessionEnd::of(sid)).into_response()),
        Some(_) if session.device.is_some() => {}
        // The browser has a key that the session record does not: this belongs into the audit trail.
        Some(_) => {
            report_rejected_proof(&state, &session, &client).await?;
            return Err(Problem::no_session());
        }
        None => return Err(Problem::no_session()),
    }
    let Some(jwt) = proof(&headers) else {
        return Ok(demand_proof(&state, &session));
    };
    match state.bindings.refresh(&session, jwt).await {
        Ok(renewed) => Ok(bound(&state, &session.sid, &renewed)),
        Err(DeviceProofError::Unavailable(error)) => Err(ServiceError::from(error).into()),
        Err(DeviceProofError::OutdatedChallenge) => Ok(demand_proof(&state, &session)),
        Err(DeviceProofError::Invalid | DeviceProofError::NotExpected) => {
            report_rejected_proof(&state, &session, &client).await?;
            Ok(demand_proof(&state, &session))
        }
    }
}

fn demand_proof(state: &AppState, session: &Session) -> Response {
    let response = Problem::device_proof_refused().into_response();
    let challenge = state.bindings.refresh_challenge(&session.sid);
    with_challenge(response, &session.sid, &challenge)
}
