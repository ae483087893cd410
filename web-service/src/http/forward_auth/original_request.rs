//! The original request, as the headers of a proxy describe it. Only those of trusted proxies are used.

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
    http::{extract::peer::peer_address, state::AppState},
    request::{
        forwarded,
        headers::{SEC_FETCH_SITE, joined},
        websocket::is_safe_request,
    },
};

/// The first is configured for nginx, the second is sent by Caddy and Traefik.
const METHODS: [&str; 2] = ["x-original-method", "x-forwarded-method"];
const URIS: [&str; 2] = ["x-original-uri", "x-forwarded-uri"];
const PROTOCOL: &str = "x-forwarded-proto";
const HOST: &str = "x-forwarded-host";

/// The path prefix that is configured for Envoy.
const PREFIX: &str = "/auth/verify";

/// The original request.
pub(in crate::http) struct ProxiedRequest {
    pub(super) original: OriginalRequest,
    /// Whether a trusted proxy describes it.
    pub(super) is_trusted: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for ProxiedRequest
where
    AppState: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let state = AppState::from_ref(state);
        let proxies = &state.requests.trusted_proxies;
        let is_trusted = proxies.contains(peer_address(&parts.extensions));
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
                .is_some_and(|method| is_safe_request(method, &parts.headers)),
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

/// The original request of Envoy's HTTP service, which uses its method and host, and its path after the prefix.
pub(super) fn for_envoy(request: &Parts, proxied: ProxiedRequest) -> OriginalRequest {
    let ProxiedRequest {
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
        is_safe: is_safe_request(&request.method, &request.headers),
        method: Some(request.method.to_string()),
        origin: origin(&request.headers, &hosts),
        uri: path
            .and_then(|path| path.strip_prefix(PREFIX))
            .map(str::to_owned),
        ..original
    }
}

/// The origin of the application as the browser sees it.
fn origin(headers: &HeaderMap, hosts: &[&str]) -> Option<String> {
    let protocols = lines(headers, PROTOCOL);
    forwarded::origin(&protocols, hosts).unwrap_or_else(|error| {
        tracing::debug!(event = "forward_auth.invalid_origin", ?protocols, ?hosts, %error, "the origin that a proxy sent is invalid; it is not used");
        None
    })
}

/// A path with its query; anything else is not used.
fn local(uri: &str) -> Option<String> {
    if uri.starts_with('/') {
        return Some(uri.to_owned());
    }
    tracing::debug!(
        event = "forward_auth.invalid_path",
        "the path that a proxy sent does not begin with /; it is not used"
    );
    None
}

/// The value of the only one of two headers that is present. Where both are, the client may have sent one of them.
fn one_of<'a>(headers: &'a HeaderMap, [first, second]: [&'static str; 2]) -> Option<&'a str> {
    match (headers.contains_key(first), headers.contains_key(second)) {
        (true, false) => only(headers, first),
        (false, true) => only(headers, second),
        (true, true) => {
            tracing::debug!(
                event = "forward_auth.conflicting_headers",
                "{first} and {second} are both present; neither is used"
            );
            None
        }
        (false, false) => None,
    }
}

/// The value of a header that is present once. Where it is repeated, the client may have sent one of them.
fn only<'a>(headers: &'a HeaderMap, name: &'static str) -> Option<&'a str> {
    let lines = lines(headers, name);
    if let [value] = lines[..] {
        return Some(value);
    }
    tracing::debug!(
        event = "forward_auth.repeated_header",
        "{name} is repeated; it is not used"
    );
    None
}

/// Every line of a header; one that is no text becomes `?`, which no value can be.
fn lines<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    let lines = headers.get_all(name).into_iter();
    lines.map(|line| line.to_str().unwrap_or("?")).collect()
}
