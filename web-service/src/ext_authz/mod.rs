//! Forward auth over gRPC: Envoy's `ext_authz`, on a listener of its own that only the proxy reaches.

mod withheld;

use std::{io, net::IpAddr, time::Duration};

use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, header};
use envoy_types::pb::{
    envoy::{
        config::core::v3::{
            HeaderValue as EnvoyValue, HeaderValueOption, address::Address,
            header_value_option::HeaderAppendAction,
        },
        service::auth::v3::{
            AttributeContext, CheckRequest, CheckResponse, DeniedHttpResponse, OkHttpResponse,
            attribute_context::{HttpRequest, Peer},
            authorization_server::{Authorization, AuthorizationServer},
            check_response::HttpResponse,
        },
        r#type::v3::HttpStatus,
    },
    google::rpc,
};
use futures_util::stream;
use holdfast_client::authorization_header;
use holdfast_server_kit::{
    connections::{BoundedListener, ConnectionHandle, Connections},
    grpc::GrpcOnlyLayer,
    read_message::{CallKind, CallPolicy, ReadMessageLayer},
    request_body::BodyError,
};
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status};

use self::withheld::{cookies_of_application, could_be_identity};
use crate::{
    forward_auth::{
        decision::ForwardAuth,
        policy::{OriginalRequest, Requirements},
        response::{ProxyDialect, ProxyResponse},
    },
    request::{
        cookie_names::CookieNames,
        forwarded,
        source::{RequestReader, UNKNOWN_ADDRESS},
        websocket::is_safe_request,
    },
    service_error::ServiceError,
};

/// Envoy's own timeout is 200 ms by default.
const DEADLINE: Duration = Duration::from_millis(180);
/// Largest message, in bytes.
const MAX_MESSAGE: usize = 64 * 1024;
/// Calls at once on one connection.
const MAX_CALLS: usize = 1024;
const MAX_CONNECTIONS: usize = 256;
/// Interval of HTTP/2 pings.
const KEEPALIVE: Duration = Duration::from_secs(20);
/// Time after which a connection without a byte from the proxy, not even the answer to a ping, is closed.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// The service `envoy.service.auth.v3.Authorization`.
pub struct ExtAuthz {
    /// Decides.
    pub forward_auth: ForwardAuth,
    /// Reads the original requests.
    pub requests: RequestReader,
}

/// The kind of the only call of the service.
struct ExtAuthzCalls;

impl CallPolicy for ExtAuthzCalls {
    fn connection(extensions: &Extensions) -> Option<&ConnectionHandle> {
        extensions.get()
    }

    fn kind(_: &str) -> CallKind {
        CallKind::Unary
    }

    fn unread(error: BodyError) -> Status {
        Status::unavailable(error.to_string())
    }

    fn displaced() -> Status {
        Status::resource_exhausted("too many streams")
    }
}

/// Serves `envoy.service.auth.v3.Authorization` until `shutdown`.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    ext_authz: ExtAuthz,
    shutdown: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let service = AuthorizationServer::new(ext_authz).max_decoding_message_size(MAX_MESSAGE);
    let connections = Connections::new("ext_authz", MAX_CONNECTIONS, IDLE_TIMEOUT);
    let listener = BoundedListener::new(listener, connections);
    let incoming = stream::unfold(listener, async |listener| {
        let (connection, _) = listener.next().await;
        Some((Ok::<_, io::Error>(connection), listener))
    });
    tonic::transport::Server::builder()
        .concurrency_limit_per_connection(MAX_CALLS)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .layer(GrpcOnlyLayer)
        .layer(ReadMessageLayer::<ExtAuthzCalls>::new(MAX_MESSAGE))
        .add_service(service)
        .serve_with_incoming_shutdown(incoming, shutdown.cancelled_owned())
        .await
}

#[tonic::async_trait]
impl Authorization for ExtAuthz {
    async fn check(
        &self,
        request: Request<CheckRequest>,
    ) -> Result<tonic::Response<CheckResponse>, Status> {
        let attributes = request.into_inner().attributes;
        let response = match attributes.and_then(Check::read) {
            Some(check) => self.verify(&check).await,
            // What cannot be read cannot be allowed.
            None => denied(ProxyResponse::misconfigured()),
        };
        Ok(tonic::Response::new(response))
    }
}

impl ExtAuthz {
    async fn verify(&self, check: &Check) -> CheckResponse {
        match timeout(DEADLINE, self.decide(check)).await {
            Ok(response) if response.status == 200 => {
                allowed(response, &check.headers, &self.requests.cookie_names)
            }
            Ok(response) => denied(response),
            Err(_elapsed) => denied(ProxyResponse::failed(&ServiceError::deadline_exceeded())),
        }
    }

    async fn decide(&self, check: &Check) -> ProxyResponse {
        let Check {
            headers,
            peer,
            original,
            requirements,
        } = check;
        let request = self.requests.read(headers, *peer);
        let forward_auth = &self.forward_auth;
        let decision = forward_auth.decide(&request, original, requirements).await;
        forward_auth.respond(decision, &request, original, ProxyDialect::PassThrough)
    }
}

/// A check that Envoy requests.
struct Check {
    headers: HeaderMap,
    /// The other end of Envoy's connection.
    peer: IpAddr,
    original: OriginalRequest,
    requirements: Requirements,
}

impl Check {
    /// Reads the attributes of a check; `None` where a part of them is invalid or not known.
    fn read(attributes: AttributeContext) -> Option<Self> {
        let peer = attributes.source.as_ref().and_then(address);
        let HttpRequest {
            method,
            headers,
            path,
            host,
            scheme,
            ..
        } = attributes.request?.http?;
        let method = Method::from_bytes(method.as_bytes()).ok()?;
        let mut map = HeaderMap::new();
        for (name, value) in headers.iter().filter(|(name, _)| !name.starts_with(':')) {
            let name = HeaderName::try_from(name).ok()?;
            // Envoy joins repeated headers; two spellings of one name do not come from Envoy.
            if map
                .insert(name, HeaderValue::try_from(value).ok()?)
                .is_some()
            {
                return None;
            }
        }
        let bytes = |name| {
            map.get(name)
                .map(|value: &HeaderValue| value.as_bytes().to_vec())
        };
        let original = OriginalRequest {
            is_safe: is_safe_request(&method, &map),
            method: Some(method.to_string()),
            origin: origin(&scheme, &host),
            uri: Some(path),
            sec_fetch_site: bytes(HeaderName::from_static("sec-fetch-site")),
            sent_origin: bytes(header::ORIGIN),
        };
        // Per route, by `check_settings.context_extensions`.
        let mut extensions = attributes.context_extensions;
        let mut take = |name: &str| extensions.remove(name).unwrap_or_default();
        let max_age = Some(take("max_age")).filter(|text| !text.is_empty());
        let max_age = max_age.map(|text| text.parse()).transpose().ok()?;
        let requirements = Requirements::new(&take("scope"), take("audience"), max_age);
        let requirements = requirements.with_acr(&take("acr")).ok()?;
        // An unknown requirement cannot be met.
        if !extensions.is_empty() {
            return None;
        }
        Some(Self {
            peer: peer.unwrap_or(UNKNOWN_ADDRESS),
            headers: map,
            original,
            requirements,
        })
    }
}

/// The origin of the application as the browser sees it.
fn origin(scheme: &str, host: &str) -> Option<String> {
    forwarded::origin(&[scheme], &[host]).unwrap_or_else(|error| {
        tracing::debug!(event = "forward_auth.invalid_origin", scheme, host, %error, "the origin that Envoy sent is invalid; it is not used");
        None
    })
}

/// The address of the peer that sent the request to Envoy.
fn address(source: &Peer) -> Option<IpAddr> {
    match source.address.as_ref()?.address.as_ref()? {
        Address::SocketAddress(socket) => socket.address.parse().ok(),
        _ => None,
    }
}

/// The application receives the identity, and neither the credentials nor what could be read as an identity.
fn allowed(response: ProxyResponse, sent: &HeaderMap, names: &CookieNames) -> CheckResponse {
    let is_identity = |name: &str| response.headers.iter().any(|(known, _)| *known == name);
    let mut headers_to_remove = vec!["dpop".to_owned()];
    // Another scheme is the application's own.
    if authorization_header::is_presented(sent) {
        headers_to_remove.push(header::AUTHORIZATION.to_string());
    }
    let names_sent = sent.keys().map(HeaderName::as_str);
    let imitations = names_sent.filter(|name| could_be_identity(name) && !is_identity(name));
    headers_to_remove.extend(imitations.map(str::to_owned));
    let cookies = cookies_of_application(sent, names);
    if cookies.is_none() {
        headers_to_remove.push(header::COOKIE.to_string());
    }
    let identity = response.headers.into_iter();
    let identity = identity.filter(|(name, _)| could_be_identity(name));
    let headers = identity.map(option);
    // Cookies of applications may contain any bytes.
    let cookies = cookies.map(|rest| {
        let text = str::from_utf8(rest.as_bytes()).unwrap_or_default();
        option(("cookie", text.to_owned()))
    });
    CheckResponse {
        status: Some(status(Code::Ok)),
        http_response: Some(HttpResponse::OkResponse(OkHttpResponse {
            headers: headers.chain(cookies).collect(),
            headers_to_remove,
            ..Default::default()
        })),
        ..Default::default()
    }
}

fn denied(response: ProxyResponse) -> CheckResponse {
    CheckResponse {
        status: Some(status(Code::PermissionDenied)),
        http_response: Some(HttpResponse::DeniedResponse(DeniedHttpResponse {
            status: Some(HttpStatus {
                code: response.status.into(),
            }),
            headers: response.headers.into_iter().map(option).collect(),
            body: String::new(),
        })),
        ..Default::default()
    }
}

fn status(code: Code) -> rpc::Status {
    rpc::Status {
        code: code.into(),
        ..Default::default()
    }
}

/// A header that replaces what the client sent under the same name, even with an empty value.
fn option((name, value): (&str, String)) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(EnvoyValue {
            key: name.to_owned(),
            value,
            ..Default::default()
        }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        keep_empty_value: true,
        ..Default::default()
    }
}
