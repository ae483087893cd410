//! Where a request comes from.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
};

use axum::{
    extract::{ConnectInfo, FromRef, FromRequestParts},
    http::{HeaderValue, header, request::Parts},
};

use super::{cookies, state::AppState};
use crate::domain::auth::{Client, ClientKind, DeviceId};

const MAX_USER_AGENT: usize = 256;
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The client's address, its `User-Agent`, and which browser it is, if that is known.
pub(super) struct Peer {
    address: IpAddr,
    user_agent: String,
    /// From its cookie.
    pub(super) device: Option<DeviceId>,
}

impl Peer {
    /// The client that auth-service is told of.
    pub(super) fn into_client(self, kind: ClientKind) -> Client {
        Client {
            kind,
            ip_address: self.address,
            user_agent: self.user_agent,
            device: self.device,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Peer
where
    AppState: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let state = AppState::from_ref(state);
        let unknown = || SocketAddr::from(([0, 0, 0, 0], 0));
        let connection = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let socket = connection.map_or_else(unknown, |ConnectInfo(address)| *address);
        let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let lines = parts.headers.get_all(FORWARDED_FOR).into_iter();
        let lines: Vec<_> = lines.map(text).collect();
        let lines = lines.iter().map(String::as_str);
        let user_agent = parts.headers.get(header::USER_AGENT).map(text);
        Ok(Self {
            address: state.trusted_proxies.client(socket.ip(), lines),
            user_agent: user_agent
                .unwrap_or_default()
                .chars()
                .take(MAX_USER_AGENT)
                .collect(),
            device: cookies::known_browser(&parts.headers, &*state.form_tokens),
        })
    }
}
