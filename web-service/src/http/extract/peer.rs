//! The other end of the connection of a request.

use std::{convert::Infallible, net::IpAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{Extensions, request::Parts},
};
use holdfast_server_kit::connections::ConnectionHandle;

use crate::request::source::UNKNOWN_ADDRESS;

/// The connection that a request came on.
pub(in crate::http) fn connection(extensions: &Extensions) -> Option<&ConnectionHandle> {
    let info = extensions.get::<ConnectInfo<ConnectionHandle>>();
    info.map(|ConnectInfo(connection)| connection)
}

/// The address of the other end of a request's connection.
pub(in crate::http) fn peer_address(extensions: &Extensions) -> IpAddr {
    connection(extensions).map_or(UNKNOWN_ADDRESS, |connection| connection.peer().ip())
}

/// The address of the other end of a request's connection, as an extractor.
pub(in crate::http) struct PeerAddress(pub(in crate::http) IpAddr);

impl<S: Send + Sync> FromRequestParts<S> for PeerAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(peer_address(&parts.extensions)))
    }
}
