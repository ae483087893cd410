//! The source of a request: its headers and its peer, read on demand as plain values.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::http::{HeaderMap, header};
use holdfast_client::{
    ClientInfo, ClientKind, DeviceId,
    authorization_header::{self, AuthorizationError, PresentedToken},
};

use crate::{
    forward_auth::access_request::AccessRequest,
    request::{
        cookie_names::CookieNames, cookies, device_proof, dpop, forwarded, headers::joined,
        trusted_proxies::TrustedProxies,
    },
    session::{csrf_token::CsrfTokens, session_id::SessionId, session_request::SessionRequest},
};

/// Longest `User-Agent` that is kept, in characters.
const MAX_USER_AGENT: usize = 256;
const FORWARDED_FOR: &str = "x-forwarded-for";

/// In place of an address that is not known: all zeros.
pub const UNKNOWN_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// What the reading of a request depends on: the proxies in front, the names of the cookies, and the key of the signed ones.
#[derive(Clone)]
pub struct RequestReader {
    /// The proxies whose `X-Forwarded-*` headers are used.
    pub trusted_proxies: Arc<TrustedProxies>,
    /// The names of the cookies of this installation.
    pub cookie_names: Arc<CookieNames>,
    /// Opens signed cookies.
    pub csrf_tokens: Arc<dyn CsrfTokens>,
}

/// Who sent one request and which cookies it has, read from its header fields on demand.
#[derive(Clone, Copy)]
pub struct RequestSource<'a> {
    reader: &'a RequestReader,
    headers: &'a HeaderMap,
    peer: IpAddr,
}

impl RequestReader {
    /// The source of a request with these headers. `peer` is the address of the other end of the connection,
    /// [`UNKNOWN_ADDRESS`] where it is not known.
    #[must_use]
    pub const fn read<'a>(&'a self, headers: &'a HeaderMap, peer: IpAddr) -> RequestSource<'a> {
        RequestSource {
            reader: self,
            headers,
            peer,
        }
    }
}

impl RequestSource<'_> {
    /// Whether the other end of the connection is a trusted proxy.
    #[must_use]
    pub fn is_trusted_proxy(&self) -> bool {
        self.reader.trusted_proxies.contains(self.peer)
    }

    /// Address, user agent and known device of the client, `kind` being what keeps its tokens.
    #[must_use]
    pub fn client_info_as(&self, kind: ClientKind) -> ClientInfo {
        let user_agent = self.headers.get(header::USER_AGENT);
        let user_agent = user_agent.and_then(|value| value.to_str().ok());
        ClientInfo {
            kind,
            ip_address: Some(client_address(
                self.headers,
                self.peer,
                &self.reader.trusted_proxies,
            )),
            user_agent: user_agent.map(|text| text.chars().take(MAX_USER_AGENT).collect()),
            device: self.known_browser(),
        }
    }

    fn known_browser(&self) -> Option<DeviceId> {
        let reader = self.reader;
        cookies::known_browser(self.headers, &reader.cookie_names, &*reader.csrf_tokens)
    }
}

impl SessionRequest for RequestSource<'_> {
    fn session_id(&self) -> Option<SessionId> {
        cookies::session_id(self.headers, &self.reader.cookie_names)
    }

    fn proof_cookie(&self) -> Option<&str> {
        cookies::proof(self.headers, &self.reader.cookie_names)
    }

    fn is_proof_unanswered(&self, sid: &str) -> bool {
        device_proof::is_unanswered(self.headers, sid)
    }

    fn is_cross_site_navigation(&self) -> bool {
        device_proof::is_cross_site_navigation(self.headers)
    }

    fn client_info(&self) -> ClientInfo {
        self.client_info_as(ClientKind::Browser)
    }
}

impl AccessRequest for RequestSource<'_> {
    fn access_token(&self) -> Result<PresentedToken<'_>, AuthorizationError> {
        authorization_header::read(self.headers)
    }

    fn presents_token(&self) -> bool {
        authorization_header::is_presented(self.headers)
    }

    fn dpop_proof(&self) -> Option<String> {
        dpop::proof(self.headers)
    }

    fn expects_page(&self) -> bool {
        match joined(self.headers, "sec-fetch-mode") {
            Some(mode) => mode.as_ref() == b"navigate",
            None => self
                .text(header::ACCEPT)
                .is_some_and(|accept| accept.to_ascii_lowercase().contains("text/html")),
        }
    }

    fn referer(&self) -> Option<&str> {
        self.text(header::REFERER)
    }
}

impl RequestSource<'_> {
    fn text(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The entries of `X-Forwarded-For`, in the order in which they arrived.
#[must_use]
pub fn forwarded_for(headers: &HeaderMap) -> Vec<String> {
    let lines = lines(headers);
    forwarded::members(&lines).map(str::to_owned).collect()
}

/// The values of `X-Forwarded-For`. One that is no text ends the search for an address, as any other that holds no address.
fn lines(headers: &HeaderMap) -> Vec<&str> {
    let lines = headers.get_all(FORWARDED_FOR).into_iter();
    lines.map(|line| line.to_str().unwrap_or("?")).collect()
}

/// The address of the client: that of the peer or, where the peer is a trusted proxy, that in `X-Forwarded-For`.
#[must_use]
pub fn client_address(headers: &HeaderMap, peer: IpAddr, proxies: &TrustedProxies) -> IpAddr {
    let lines = lines(headers);
    let client = proxies.client(peer, &lines);
    if let Some(unread) = client.unparsed {
        tracing::debug!(
            event = "client_address.invalid",
            unread,
            "X-Forwarded-For contains a value that is not an address; using the address of the proxy"
        );
    } else if lines.is_empty() && headers.contains_key(header::FORWARDED) && proxies.contains(peer)
    {
        tracing::debug!(
            event = "client_address.forwarded_ignored",
            "Forwarded (RFC 7239) is not read; configure the proxy to send X-Forwarded-For"
        );
    }
    client.address
}
