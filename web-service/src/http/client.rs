//! Where a request comes from.

use std::{convert::Infallible, net::SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{header, request::Parts},
};

use crate::domain::auth::{Client, ClientKind};

const MAX_USER_AGENT: usize = 256;

/// The address of the socket and the `User-Agent`.
pub(super) struct Peer {
    address: SocketAddr,
    user_agent: String,
}

impl Peer {
    /// The client that auth-service is told of.
    pub(super) fn into_client(self, kind: ClientKind) -> Client {
        Client {
            kind,
            ip_address: self.address.ip().to_canonical(),
            user_agent: self.user_agent,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let unknown = || SocketAddr::from(([0, 0, 0, 0], 0));
        let connection = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let user_agent = parts.headers.get(header::USER_AGENT);
        Ok(Self {
            address: connection.map_or_else(unknown, |ConnectInfo(address)| *address),
            user_agent: user_agent
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
                .chars()
                .take(MAX_USER_AGENT)
                .collect(),
        })
    }
}
