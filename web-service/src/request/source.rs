//! Where a request comes from.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr},
};

use axum::{
    extract::{ConnectInfo, FromRef, FromRequestParts},
    http::{Extensions, HeaderMap, HeaderValue, header, request::Parts},
};
use holdfast_client::auth::{ClientInfo, ClientKind, DeviceId};
use holdfast_server_kit::connections::ConnectionHandle;

use crate::{
    http::{cookies, state::AppState},
    request::trusted_proxies::TrustedProxies,
};

const MAX_USER_AGENT: usize = 256;
const FORWARDED_FOR: &str = "x-forwarded-for";

/// An address of zeros: nothing is known of where somebody is.
pub(crate) const NOT_KNOWN: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// What a request says of who sent it, before anything is read from it.
#[derive(Clone, Copy)]
pub(crate) struct Visitor<'a> {
    /// As they were sent.
    pub(crate) headers: &'a HeaderMap,
    /// The other end of the connection; zeros where it is not known.
    pub(crate) socket: IpAddr,
}

/// The connection that a request came on.
pub(super) fn connection(extensions: &Extensions) -> Option<&ConnectionHandle> {
    let info = extensions.get::<ConnectInfo<ConnectionHandle>>();
    info.map(|ConnectInfo(connection)| connection)
}

/// The other end of a request's connection.
pub(super) struct Socket(pub(super) IpAddr);

/// The client's address, its `User-Agent`, and which browser it is, if that is known.
pub(super) struct Peer {
    address: IpAddr,
    user_agent: String,
    /// From its cookie.
    pub(super) device: Option<DeviceId>,
}

impl Peer {
    /// The client at the other end of a connection, or of the trusted proxy there.
    pub(super) fn of(visitor: Visitor<'_>, state: &AppState) -> Self {
        let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let user_agent = visitor.headers.get(header::USER_AGENT).map(text);
        Self {
            address: address(visitor, &state.trusted_proxies),
            user_agent: user_agent
                .unwrap_or_default()
                .chars()
                .take(MAX_USER_AGENT)
                .collect(),
            device: cookies::known_browser(
                visitor.headers,
                &state.cookie_names,
                &*state.form_tokens,
            ),
        }
    }

    /// The client that auth-service is told of.
    pub(super) fn into_client(self, kind: ClientKind) -> ClientInfo {
        ClientInfo {
            kind,
            ip_address: self.address,
            user_agent: self.user_agent,
            device: self.device,
        }
    }
}

/// The client's address, as far as trusted proxies tell it.
pub(super) fn address(visitor: Visitor<'_>, proxies: &TrustedProxies) -> IpAddr {
    let lines = visitor.headers.get_all(FORWARDED_FOR).into_iter();
    // A line that is no text ends the search, as any other that holds no address.
    let lines: Vec<_> = lines.map(|line| line.to_str().unwrap_or("?")).collect();
    let client = proxies.client(visitor.socket, &lines);
    if let Some(unread) = client.unread {
        tracing::debug!(
            unread,
            "X-Forwarded-For holds what is no address; the proxy's own counts"
        );
    } else if lines.is_empty()
        && visitor.headers.contains_key(header::FORWARDED)
        && proxies.contains(visitor.socket)
    {
        tracing::debug!("Forwarded (RFC 7239) is not read; have the proxy send X-Forwarded-For");
    }
    client.address
}

impl<S: Send + Sync> FromRequestParts<S> for Peer
where
    AppState: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self::of(Visitor::of(parts), &AppState::from_ref(state)))
    }
}

impl<'a> Visitor<'a> {
    /// Whoever sent a request.
    pub(super) fn of(parts: &'a Parts) -> Self {
        Self::new(&parts.headers, &parts.extensions)
    }

    /// Whoever sent these headers.
    pub(super) fn new(headers: &'a HeaderMap, extensions: &Extensions) -> Self {
        let connection = connection(extensions);
        Self {
            headers,
            socket: connection.map_or(NOT_KNOWN, |connection| connection.peer().ip()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Socket {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(Visitor::of(parts).socket))
    }
}
