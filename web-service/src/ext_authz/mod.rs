//! Envoy's `ext_authz` over gRPC: the same decision, on a listener that only the proxy reaches.

use std::{io, net::IpAddr, time::Duration};

use axum::{
    http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, header},
    response::Response,
};
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
use holdfast_server_kit::{
    connections::{BoundedListener, ConnectionHandle, Connections},
    grpc::GrpcOnlyLayer,
    read_message::{CallKind, Calls, ReadMessageLayer},
    request_body::BodyError,
};
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status};

use crate::{
    forward_auth::policy::{OriginalRequest, Requirements},
    http::{
        forward_auth::{
            Wanted, changes_nothing, cookies_of_application, could_be_identity, misconfigured,
            presents_token, too_slow, verify,
        },
        request_source::{NOT_KNOWN, Visitor},
        state::AppState,
    },
    request::{cookie_names::CookieNames, forwarded},
};

/// Envoy waits 200 ms by default, and then decides by itself.
const DEADLINE: Duration = Duration::from_millis(180);
const MAX_MESSAGE: usize = 64 * 1024;
const MAX_CALLS: usize = 1024;
const MAX_CONNECTIONS: usize = 256;
const KEEPALIVE: Duration = Duration::from_secs(20);
/// How long a proxy may send nothing at all, not even the answer to a ping.
const MAX_SILENCE: Duration = Duration::from_mins(1);

struct ExtAuthz(AppState);

/// The one call of the port.
struct ExtAuthzCalls;

impl Calls for ExtAuthzCalls {
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
    state: AppState,
    shutdown: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let service = AuthorizationServer::new(ExtAuthz(state)).max_decoding_message_size(MAX_MESSAGE);
    let connections = Connections::new(MAX_CONNECTIONS, MAX_SILENCE);
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
        let response = match attributes.and_then(Asked::read) {
            Some(asked) => self.verify(&asked).await,
            // What cannot be read cannot be allowed.
            None => denied(&misconfigured()),
        };
        Ok(tonic::Response::new(response))
    }
}

impl ExtAuthz {
    async fn verify(&self, asked: &Asked) -> CheckResponse {
        let Asked {
            headers,
            socket,
            original,
            wanted,
        } = asked;
        let visitor = Visitor {
            headers,
            socket: *socket,
        };
        let answer = timeout(DEADLINE, verify(&self.0, visitor, original, wanted)).await;
        match answer {
            Ok(answer) if answer.status().is_success() => {
                allowed(&answer, headers, &self.0.cookie_names)
            }
            Ok(answer) => denied(&answer),
            Err(_elapsed) => denied(&too_slow()),
        }
    }
}

/// What Envoy asks, as far as it could be read.
struct Asked {
    headers: HeaderMap,
    socket: IpAddr,
    original: OriginalRequest,
    wanted: Requirements,
}

impl Asked {
    fn read(attributes: AttributeContext) -> Option<Self> {
        let socket = attributes.source.as_ref().and_then(address);
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
            // Envoy joins what is repeated; two spellings of one name are not Envoy's.
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
            is_safe: changes_nothing(&method, &map),
            method: Some(method.to_string()),
            origin: origin(&scheme, &host),
            uri: Some(path),
            sec_fetch_site: bytes(HeaderName::from_static("sec-fetch-site")),
            sent_origin: bytes(header::ORIGIN),
        };
        // Per route, by `check_settings.context_extensions`.
        let mut extensions = attributes.context_extensions;
        let mut wants = |name: &str| extensions.remove(name).unwrap_or_default();
        let max_age = Some(wants("max_age")).filter(|text| !text.is_empty());
        let wanted = Wanted {
            scope: wants("scope"),
            audience: wants("audience"),
            max_age: max_age.map(|text| text.parse()).transpose().ok()?,
        };
        // A requirement that is not known is not met.
        if !extensions.is_empty() {
            return None;
        }
        Some(Self {
            socket: socket.unwrap_or(NOT_KNOWN),
            headers: map,
            original,
            wanted: wanted.into(),
        })
    }
}

/// The origin that the browser sees.
fn origin(scheme: &str, host: &str) -> Option<String> {
    forwarded::origin(&[scheme], &[host]).unwrap_or_else(|error| {
        tracing::debug!(scheme, host, %error, "the origin that Envoy names is not used");
        None
    })
}

/// Who sent the request to the proxy.
fn address(source: &Peer) -> Option<IpAddr> {
    match source.address.as_ref()?.address.as_ref()? {
        Address::SocketAddress(socket) => socket.address.parse().ok(),
        _ => None,
    }
}

/// The application gets who it is, and not what proved it, nor what only looks like who it is.
fn allowed(answer: &Response, asked: &HeaderMap, names: &CookieNames) -> CheckResponse {
    let identity = |(name, _): &(&HeaderName, &HeaderValue)| could_be_identity(name.as_str());
    let mut headers: Vec<_> = answer
        .headers()
        .iter()
        .filter(identity)
        .map(option)
        .collect();
    let mut headers_to_remove = vec!["dpop".to_owned()];
    // What is not for us is the application's own.
    if presents_token(asked) {
        headers_to_remove.push(header::AUTHORIZATION.to_string());
    }
    let looks_like_ours = asked
        .keys()
        .filter(|name| could_be_identity(name.as_str()) && !answer.headers().contains_key(*name));
    headers_to_remove.extend(looks_like_ours.map(HeaderName::to_string));
    match cookies_of_application(asked, names) {
        Some(rest) => headers.push(option((&header::COOKIE, &rest))),
        None => headers_to_remove.push(header::COOKIE.to_string()),
    }
    CheckResponse {
        status: Some(status(Code::Ok)),
        http_response: Some(HttpResponse::OkResponse(OkHttpResponse {
            headers,
            headers_to_remove,
            ..Default::default()
        })),
        ..Default::default()
    }
}

fn denied(answer: &Response) -> CheckResponse {
    CheckResponse {
        status: Some(status(Code::PermissionDenied)),
        http_response: Some(HttpResponse::DeniedResponse(DeniedHttpResponse {
            status: Some(HttpStatus {
                code: answer.status().as_u16().into(),
            }),
            headers: answer.headers().iter().map(option).collect(),
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

/// In place of whatever the client sent under this name, empty or not.
fn option((name, value): (&HeaderName, &HeaderValue)) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(EnvoyValue {
            key: name.to_string(),
            // Cookies of applications may hold any text.
            value: str::from_utf8(value.as_bytes())
                .unwrap_or_default()
                .to_owned(),
            ..Default::default()
        }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        keep_empty_value: true,
        ..Default::default()
    }
}
