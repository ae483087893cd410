//! `POST /session/bind`: the browser made a key.

use axum::{extract::State, http::HeaderMap, response::Response};
use holdfast_client::auth::ClientKind;

use crate::{
    http::{
        api::problem::Problem,
        dbsc::{proof, renewed, tell_refused},
        request_source::Peer,
        service_error::Failure,
        signed_in::AuthenticatedSession,
        state::AppState,
    },
    session::device_binding::ProofRefused,
};

/// Binds the session of the cookie to it.
pub(in crate::http) async fn submit(
    State(state): State<AppState>,
    headers: HeaderMap,
    peer: Peer,
) -> Result<Response, Problem> {
    let AuthenticatedSession { id, mut session } =
        AuthenticatedSession::open(&headers, &state).await?;
    let jwt = proof(&headers).ok_or_else(Problem::device_proof_refused)?;
    let client = peer.into_client(ClientKind::Browser);
    let bound = state.bindings.bind(&id, &mut session, jwt, &client).await;
    match bound {
        Ok(bound) => Ok(renewed(&state, &session.sid, &bound)),
        Err(ProofRefused::Unavailable(error)) => Err(Failure::from(error).into()),
        Err(ProofRefused::OutOfDate) => Err(Problem::device_proof_refused()),
        Err(ProofRefused::Wrong | ProofRefused::Pointless) => {
            tell_refused(&state, &session, &client).await?;
            Err(Problem::device_proof_refused())
        }
    }
}
