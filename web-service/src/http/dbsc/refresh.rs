//! `POST /session/refresh`: the browser shows its key again. It is never redirected, and an outage is never a sign-out: at a 4xx
//! browsers end the session, at a 5xx they keep it.

use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};
use holdfast_client::auth::ClientKind;

use crate::{
    http::{
        api::problem::Problem,
        dbsc::{
            SESSION_ID, proof, renewed, session_config::Over, tell_refused, text, with_challenge,
        },
        request_source::Peer,
        service_error::Failure,
        signed_in::AuthenticatedSession,
        state::AppState,
    },
    session::{browser_session::Session, device_binding::ProofRefused},
};

/// Takes the proof for the session of the cookie, or asks for one.
pub(in crate::http) async fn submit(
    State(state): State<AppState>,
    headers: HeaderMap,
    peer: Peer,
) -> Result<Response, Problem> {
    let AuthenticatedSession { session, .. } = AuthenticatedSession::open(&headers, &state).await?;
    // A browser keeps the sessions of earlier sign-ins until it is told.
    match text(&headers, &SESSION_ID) {
        Some(of) if of != session.sid => return Ok(Json(Over::of(of)).into_response()),
        Some(_) if session.device.is_some() => {}
        // The browser knows of a key that we do not: somebody has to look at this.
        Some(_) => {
            let client = peer.into_client(ClientKind::Browser);
            tell_refused(&state, &session, &client).await?;
            return Err(Problem::no_session());
        }
        None => return Err(Problem::no_session()),
    }
    let Some(jwt) = proof(&headers) else {
        return Ok(ask(&state, &session));
    };
    match state.bindings.renew(&session, jwt).await {
        Ok(fresh) => Ok(renewed(&state, &session.sid, &fresh)),
        Err(ProofRefused::Unavailable(error)) => Err(Failure::from(error).into()),
        Err(ProofRefused::OutOfDate) => Ok(ask(&state, &session)),
        Err(ProofRefused::Wrong | ProofRefused::Pointless) => {
            let client = peer.into_client(ClientKind::Browser);
            tell_refused(&state, &session, &client).await?;
            Ok(ask(&state, &session))
        }
    }
}

fn ask(state: &AppState, session: &Session) -> Response {
    let response = Problem::device_proof_refused().into_response();
    let challenge = state.bindings.refresh_challenge(&session.sid);
    with_challenge(response, &session.sid, &challenge)
}
