//! `POST /session/bind`: registration of the device key that a browser generated.

use axum::{extract::State, http::HeaderMap, response::Response};

use crate::{
    http::{
        api::problem::Problem,
        dbsc::{bound, proof, report_rejected_proof},
        extract::{client::BrowserInfo, peer::PeerAddress},
        state::AppState,
    },
    service_error::ServiceError,
    session::{authenticator::AuthenticatedSession, device_binding::DeviceProofError},
};

/// Binds the session of the cookie to the key of the proof.
pub(in crate::http) async fn submit(
    State(state): State<AppState>,
    headers: HeaderMap,
    PeerAddress(peer): PeerAddress,
    BrowserInfo(client): BrowserInfo,
) -> Result<Response, Problem> {
    let request = state.requests.read(&headers, peer);
    let AuthenticatedSession { id, mut record } = state.authenticator.open(&request).await?;
    let jwt = proof(&headers).ok_or_else(Problem::device_proof_refused)?;
    let renewed = state
        .bindings
        .register(&id, &mut record, jwt, &client)
        .await;
    match renewed {
        Ok(renewed) => Ok(bound(&state, &record.sid, &renewed)),
        Err(DeviceProofError::Unavailable(error)) => Err(ServiceError::from(error).into()),
        Err(DeviceProofError::OutdatedChallenge) => Err(Problem::device_proof_refused()),
        Err(DeviceProofError::Invalid | DeviceProofError::NotExpected) => {
            report_rejected_proof(&state, &record, &client).await?;
            Err(Problem::device_proof_refused())
        }
    }
}
