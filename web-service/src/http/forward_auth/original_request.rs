//! The request that a proxy asks about, in the proxy's words. They count from trusted proxies only.

use std::{borrow::Cow, convert::Infallible};

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{
        HeaderMap, Method, header,
        request::Parts,
        uri::{Authority, PathAndQuery},
    },
};

use crate::{
    forward_auth::policy::OriginalRequest,
    http::{
        csrf::{SEC_FETCH_SITE, joined},
        request_source::Visitor,
        state::AppState,
    },
    request::forwarded,
};

/// nginx is told to send the first, Caddy and Traefik send the second by themselves.
const METHODS: [&str; 2] = ["x-original-method", "x-forwarded-method"];
const URIS: [&str; 2] = ["x-original-uri", "x-forwarded-uri"];
const PROTOCOL: &str = "x-forwarded-proto";
const HOST: &str = "x-forwarded-host";

/// Where Envoy is told to ask.
const PREFIX: &str = "/auth/verify";

/// What is known of it, and whether it is a trusted proxy that asks.
pub(in crate::http) struct Proxied {
    pub(super) original: OriginalRequest,
    pub(super) is_trusted: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Proxied
where
    AppState: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let state = AppState::from_ref(state);
        let is_trusted = state.trusted_proxies.contains(Visitor::of(parts).socket);
        let browser = OriginalRequest {
            sec_fetch_site: joined(&parts.headers, SEC_FETCH_SITE).map(Cow::into_owned),
            sent_origin: joined(&parts.headers, header::ORIGIN.as_str()).map(Cow::into_owned),
            ..OriginalRequest::default()
        };
        if !is_trusted {
            return Ok(Self {
                original: browser,
                is_trusted,
            });
        }
        let method = one_of(&parts.headers, METHODS)
            .and_then(|name| Method::from_bytes(name.as_bytes()).ok());
        let original = OriginalRequest {
            is_safe: method
                .as_ref()
                .is_some_and(|method| changes_nothing(method, &parts.headers)),
            method: method.map(|method| method.to_string()),
            origin: origin(&parts.headers, &lines(&parts.headers, HOST)),
            uri: one_of(&parts.headers, URIS).and_then(local),
            ..browser
        };
        Ok(Self {
            original,
            is_trusted,
        })
    }
}

/// A safe method, and not the beginning of a WebSocket: that is a `GET` which opens a way for changes, and a page of another
/// origin may send it.
pub(crate) fn changes_nothing(method: &Method, headers: &HeaderMap) -> bool {
    let says = |name: &str, word: &str| {
        let mut values = headers.get_all(name).iter();
        values.any(|value| value.as_bytes().eq_ignore_ascii_case(word.as_bytes()))
    };
    // Over HTTP/2 there is no key (RFC 8441 §5.1).
    let is_socket = headers.contains_key(header::SEC_WEBSOCKET_KEY)
        || headers.contains_key(header::SEC_WEBSOCKET_VERSION)
        || says("sec-fetch-mode", "websocket")
        || says("upgrade", "websocket");
    method.is_safe() && !is_socket
}

/// Envoy's HTTP dialect asks with the original method and host, and with the original path behind ours.
pub(super) fn as_envoy_asks(request: &Parts, proxied: Proxied) -> OriginalRequest {
    let Proxied {
        original,
        is_trusted,
    } = proxied;
    if !is_trusted {
        return original;
    }
    let authority = request.uri.authority().map(Authority::as_str);
    let hosts = match lines(&request.headers, header::HOST.as_str()) {
        hosts if hosts.is_empty() => authority.into_iter().collect(),
        hosts => hosts,
    };
    let path = request.uri.path_and_query().map(PathAndQuery::as_str);
    OriginalRequest {
        is_safe: changes_nothing(&request.method, &request.headers),
        method: Some(request.method.to_string()),
        origin: origin(&request.headers, &hosts),
        uri: path
            .and_then(|path| path.strip_prefix(PREFIX))
            .map(str::to_owned),
        ..original
    }
}

/// The origin that the browser sees.
fn origin(headers: &HeaderMap, hosts: &[&str]) -> Option<String> {
    let protocols = lines(headers, PROTOCOL);
    forwarded::origin(&protocols, hosts).unwrap_or_else(|error| {
        tracing::debug!(?protocols, ?hosts, %error, "the origin that a proxy names is not used");
        None
    })
}

/// A path with its query.
fn local(uri: &str) -> Option<String> {
    if uri.starts_with('/') {
        return Some(uri.to_owned());
    }
    tracing::debug!("the path that a proxy names does not begin with /, and is not used");
    None
}

/// The header of these that is there. Where both are, one of them may be the client's own.
fn one_of<'a>(headers: &'a HeaderMap, [one, other]: [&'static str; 2]) -> Option<&'a str> {
    match (headers.contains_key(one), headers.contains_key(other)) {
        (true, false) => only(headers, one),
        (false, true) => only(headers, other),
        (true, true) => {
            tracing::debug!("{one} and {other} came together; neither is used");
            None
        }
        (false, false) => None,
    }
}

/// A header that stands there once. Twice, one of them may be the client's own.
fn only<'a>(headers: &'a HeaderMap, name: &'static str) -> Option<&'a str> {
    let lines = lines(headers, name);
    if let [value] = lines[..] {
        return Some(value);
    }
    tracing::debug!("{name} came more than once; it is not used");
    None
}

/// Every line of a header; what is no text counts as a value that cannot be used.
fn lines<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    let lines = headers.get_all(name).into_iter();
    lines.map(|line| line.to_str().unwrap_or("?")).collect()
}
