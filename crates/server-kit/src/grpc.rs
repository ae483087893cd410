//! The gRPC protocol as both services take it: what is no gRPC request is answered as plain HTTP, and a message that cannot be
//! read is the caller's mistake.

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
/// `application/grpc` means the same as `application/grpc+proto`.
const CONTENT_TYPES: [&str; 2] = ["application/grpc", "application/grpc+proto"];
const INTERNAL: HeaderValue = HeaderValue::from_static("13");
const INVALID_ARGUMENT: HeaderValue = HeaderValue::from_static("3");

/// Refuses requests that are not gRPC, before anything of their body is read.
///
/// Any method but `POST` is 405, any content type but `application/grpc` or `application/grpc+proto` is 415. A page can then
/// not send a call without a preflight (Fetch §2.2.2), which nobody answers here. tonic reports a message that cannot be
/// decoded as `INTERNAL`; it becomes `INVALID_ARGUMENT`, so that `INTERNAL` always is a fault of the service, with details.
#[derive(Clone, Copy, Debug, Default)]
pub struct GrpcOnlyLayer;

/// The same around a service.
#[derive(Clone, Debug)]
pub struct GrpcOnly<S>(S);

impl<S> Layer<S> for GrpcOnlyLayer {
    type Service = GrpcOnly<S>;

    fn layer(&self, inner: S) -> GrpcOnly<S> {
        GrpcOnly(inner)
    }
}

/// A refusal at once, or the service's answer.
type Answer<F, B, E> =
    Either<Ready<Result<Response<Body>, E>>, MapOk<F, fn(Response<B>) -> Response<Body>>>;

impl<S, B> Service<Request<Body>> for GrpcOnly<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Answer<S::Future, B, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match refusal(request.method(), request.headers()) {
            Some(refusal) => Either::Left(ready(Ok(refusal))),
            None => Either::Right(self.0.call(request).map_ok(blaming_the_caller)),
        }
    }
}

fn refusal(method: &Method, headers: &HeaderMap) -> Option<Response<Body>> {
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

/// Two content types are none.
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

/// An `INTERNAL` without details comes from the transport: the message was cut, or is none, or its compression flag is wrong.
fn blaming_the_caller<B>(response: Response<B>) -> Response<Body>
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

    fn refused(method: &Method, content_types: &[&'static str]) -> Option<u16> {
        let mut headers = HeaderMap::new();
        for value in content_types {
            headers.append(header::CONTENT_TYPE, HeaderValue::from_static(value));
        }
        refusal(method, &headers).map(|response| response.status().as_u16())
    }

    #[test]
    fn only_post_and_grpc_content_types_pass() {
        for passes in [
            "application/grpc",
            "application/grpc+proto",
            "Application/gRPC",
            "application/grpc; charset=utf-8",
        ] {
            assert_eq!(refused(&Method::POST, &[passes]), None, "{passes}");
        }
        for method in [Method::GET, Method::OPTIONS, Method::PUT, Method::CONNECT] {
            assert_eq!(refused(&method, &["application/grpc"]), Some(405));
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
                refused(&Method::POST, content_types),
                Some(415),
                "{content_types:?}"
            );
        }
    }

    #[test]
    fn internal_is_left_to_faults_of_the_service() {
        let code = |status: Status| {
            let answer = blaming_the_caller(status.into_http::<String>());
            Status::from_header_map(answer.headers()).map(|status| status.code())
        };
        let undecodable = Status::internal("failed to decode Protobuf message");
        assert_eq!(code(undecodable), Some(Code::InvalidArgument));
        let fault = Status::with_details(Code::Internal, "", Bytes::from_static(b"why"));
        assert_eq!(code(fault), Some(Code::Internal));
        assert_eq!(code(Status::not_found("")), Some(Code::NotFound));
    }
}
