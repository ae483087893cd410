//! Protocol checks of gRPC ports: requests that are not gRPC are rejected as plain HTTP, and undecodable messages are errors of the caller.

use std::{
    future::{Ready, ready},
    task::{Context, Poll},
};

use axum::{
    body::{Bytes, HttpBody},
    http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header},
};
use futures_util::{
    TryFutureExt as _,
    future::{Either, MapOk},
};
use tonic::{Status, body::Body};
use tower::{BoxError, Layer, Service};

const ALLOWED: HeaderValue = HeaderValue::from_static("POST");
/// The content types of Protobuf messages, which are equivalent.
const CONTENT_TYPES: [&str; 2] = ["application/grpc", "application/grpc+proto"];
const INTERNAL: HeaderValue = HeaderValue::from_static("13");
const INVALID_ARGUMENT: HeaderValue = HeaderValue::from_static("3");

/// Rejects requests that are not gRPC before their body is read.
///
/// A method other than `POST` is answered 405, a content type other than `application/grpc` and `application/grpc+proto` 415. A page can
/// therefore not send a call without a CORS preflight (Fetch §2.2.2), which is never granted. tonic reports a message that cannot be
/// decoded as `INTERNAL`; that becomes `INVALID_ARGUMENT`, so that `INTERNAL` is always a fault of the service, with details.
#[derive(Clone, Copy, Debug, Default)]
pub struct GrpcOnlyLayer;

/// The service of [`GrpcOnlyLayer`].
#[derive(Clone, Debug)]
pub struct GrpcOnly<S>(S);

impl<S> Layer<S> for GrpcOnlyLayer {
    type Service = GrpcOnly<S>;

    fn layer(&self, inner: S) -> GrpcOnly<S> {
        GrpcOnly(inner)
    }
}

/// A rejection, or the response of the inner service.
type ResponseFuture<F, B, E> =
    Either<Ready<Result<Response<Body>, E>>, MapOk<F, fn(Response<B>) -> Response<Body>>>;

impl<S, B> Service<Request<Body>> for GrpcOnly<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, B, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match rejection(request.method(), request.headers()) {
            Some(rejection) => Either::Left(ready(Ok(rejection))),
            None => Either::Right(
                self.0
                    .call(request)
                    .map_ok(with_decoding_errors_of_the_caller),
            ),
        }
    }
}

fn rejection(method: &Method, headers: &HeaderMap) -> Option<Response<Body>> {
    if *method != Method::POST {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "gRPC calls are POST\n");
        response.headers_mut().insert(header::ALLOW, ALLOWED);
        return Some(response);
    }
    if !is_grpc(headers) {
        let why = "the content type of gRPC calls is application/grpc or application/grpc+proto\n";
        return Some(plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
    }
    None
}

/// Whether there is exactly one content type, and it is one of gRPC.
fn is_grpc(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).into_iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let essence = value.to_str().ok().and_then(|text| text.split(';').next());
    essence.is_some_and(|essence| {
        let essence = essence.trim();
        let mut known = CONTENT_TYPES.into_iter();
        known.any(|known| essence.eq_ignore_ascii_case(known))
    })
}

fn plain(status: StatusCode, why: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::new(why.to_owned()));
    *response.status_mut() = status;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    response
}

/// Replaces `INTERNAL` without details, which the transport reports where a message is truncated, malformed or has a wrong compression
/// flag, by `INVALID_ARGUMENT`.
fn with_decoding_errors_of_the_caller<B>(response: Response<B>) -> Response<Body>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let mut response = response.map(Body::new);
    let headers = response.headers_mut();
    if headers.get(Status::GRPC_STATUS) == Some(&INTERNAL)
        && !headers.contains_key(Status::GRPC_STATUS_DETAILS)
    {
        headers.insert(Status::GRPC_STATUS, INVALID_ARGUMENT);
    }
    response
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    fn rejected_status(method: &Method, content_types: &[&'static str]) -> Option<u16> {
        let mut headers = HeaderMap::new();
        for value in content_types {
            headers.append(header::CONTENT_TYPE, HeaderValue::from_static(value));
        }
        rejection(method, &headers).map(|response| response.status().as_u16())
    }

    #[test]
    fn only_post_with_a_grpc_content_type_is_accepted() {
        for accepted in [
            "application/grpc",
            "application/grpc+proto",
            "Application/gRPC",
            "application/grpc; charset=utf-8",
        ] {
            assert_eq!(
                rejected_status(&Method::POST, &[accepted]),
                None,
                "{accepted}"
            );
        }
        for method in [Method::GET, Method::OPTIONS, Method::PUT, Method::CONNECT] {
            assert_eq!(rejected_status(&method, &["application/grpc"]), Some(405));
        }
        for content_types in [
            &[][..],
            &["text/plain"],
            &["text/plain;application/grpc"],
            &["application/grpc+json"],
            &["application/grpc-web"],
            &["application/grpc-web+proto"],
            &["application/grpcx"],
            &["application/grpc, text/plain"],
            &["application/grpc", "application/grpc"],
            &["application/grpc", "text/plain"],
        ] {
            assert_eq!(
                rejected_status(&Method::POST, content_types),
                Some(415),
                "{content_types:?}"
            );
        }
    }

    #[test]
    fn decoding_error_is_invalid_argument_and_a_fault_stays_internal() {
        let code = |status: Status| {
            let response = with_decoding_errors_of_the_caller(status.into_http::<String>());
            Status::from_header_map(response.headers()).map(|status| status.code())
        };
        let undecodable = Status::internal("failed to decode Protobuf message");
        assert_eq!(code(undecodable), Some(Code::InvalidArgument));
        let fault = Status::with_details(Code::Internal, "", Bytes::from_static(b"why"));
        assert_eq!(code(fault), Some(Code::Internal));
        assert_eq!(code(Status::not_found("")), Some(Code::NotFound));
    }
}
