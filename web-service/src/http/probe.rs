//! The route of the probe of `doctor`.

use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};

use crate::{
    http::{extract::peer::connection, pages, state::AppState},
    request::{
        probe::{Arrival, HEADER},
        source::{client_address, forwarded_for},
    },
};

/// How a valid probe arrived. To any other request, the response is that of a path that does not exist, whatever its method is.
pub(super) async fn show(State(state): State<AppState>, request: Request) -> Response {
    match arrival(&state, &request) {
        Some(arrival) => Json(arrival).into_response(),
        None => pages::error::not_found().await.into_response(),
    }
}

fn arrival(state: &AppState, request: &Request) -> Option<Arrival> {
    let headers = request.headers();
    let header = headers.get(HEADER)?.to_str().ok()?;
    if !state.probes.is_valid(header) {
        return None;
    }
    let peer = connection(request.extensions())?.peer();
    let proxies = &state.requests.trusted_proxies;
    Some(Arrival {
        peer,
        is_trusted: proxies.contains(peer.ip()),
        forwarded_for: forwarded_for(headers),
        client: client_address(headers, peer.ip(), proxies),
    })
}
