//! The client info of a request.

use std::convert::Infallible;

use axum::{
    extract::{FromRef, FromRequestParts},
    http::request::Parts,
};
use holdfast_client::{ClientInfo, ClientKind};

use crate::http::{extract::peer::peer_address, state::AppState};

/// A browser: this service keeps its tokens.
pub(in crate::http) struct BrowserInfo(pub(in crate::http) ClientInfo);

/// An API client: it keeps its tokens itself.
pub(in crate::http) struct ApiClientInfo(pub(in crate::http) ClientInfo);

impl<S: Send + Sync> FromRequestParts<S> for BrowserInfo
where
    AppState: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let kind = ClientKind::Browser;
        Ok(Self(client_info(parts, &AppState::from_ref(state), kind)))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ApiClientInfo
where
    AppState: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let kind = ClientKind::Api;
        Ok(Self(client_info(parts, &AppState::from_ref(state), kind)))
    }
}

/// The client info of a request, as auth-service records it.
pub(in crate::http) fn client_info(
    parts: &Parts,
    state: &AppState,
    kind: ClientKind,
) -> ClientInfo {
    let request = state
        .requests
        .read(&parts.headers, peer_address(&parts.extensions));
    request.client_info_as(kind)
}
