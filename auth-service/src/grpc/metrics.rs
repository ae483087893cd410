//! Metrics of gRPC calls, by method and status code.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::LazyLock,
    task::{Context, Poll},
};

use auth_proto::FILE_DESCRIPTOR_SET;
use holdfast_metrics::{Counters, Histogram, Histograms, Registry, duration_histograms, observe};
use http::{Request, Response};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tokio::time::Instant;
use tonic::{Code, Status, body::Body};
use tower::{BoxError, Layer, Service};

use crate::grpc::errors;

static CALLS: LazyLock<Counters<2>> = LazyLock::new(Counters::default);
static DURATIONS: LazyLock<Histograms<1>> = LazyLock::new(duration_histograms);
/// By path.
static METHODS: LazyLock<HashMap<String, Method>> = LazyLock::new(methods);
/// The method of a path that no service has, and of health checks and reflection.
static OTHER: LazyLock<Method> = LazyLock::new(|| Method::new("other"));

/// Adds them to a registry.
pub(crate) fn register(registry: &mut Registry) {
    registry.register(
        "grpc_requests",
        "gRPC calls, by method and status code",
        CALLS.clone(),
    );
    registry.register(
        "grpc_request_duration_seconds",
        "Duration of gRPC calls until their response begins, by method",
        DURATIONS.clone(),
    );
    errors::register_metrics(registry);
}

/// What is counted of one method.
struct Method {
    name: &'static str,
    durations: Histogram,
}

impl Method {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            durations: DURATIONS.get_or_create_owned(&[("method", name)]),
        }
    }

    fn of(path: &str) -> &'static Self {
        METHODS.get(path).unwrap_or(&OTHER)
    }

    fn record(&self, code: Code, begun: Instant) {
        let labels = [("method", self.name), ("code", name_of(code))];
        CALLS.get_or_create(&labels).inc();
        observe(&self.durations, begun.elapsed());
    }
}

/// The name of the method with this path, such as `AuthService/Login`; of a path that no service has, `other`.
pub(super) fn method_name(path: &str) -> &'static str {
    Method::of(path).name
}

/// The methods of the contract. They live as long as the process.
fn methods() -> HashMap<String, Method> {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap_or_default();
    let mut methods = HashMap::new();
    for file in set.file.iter().filter(|file| file.package() == "auth.v1") {
        for service in &file.service {
            for method in &service.method {
                let name = format!("{}/{}", service.name(), method.name());
                let path = format!("/{}.{name}", file.package());
                methods.insert(path, Method::new(name.leak()));
            }
        }
    }
    methods
}

/// The layer that measures each call. It is the outermost one, so that rejections of the others count.
#[derive(Clone, Copy, Debug)]
pub(super) struct MetricsLayer;

/// A service in the layer.
#[derive(Clone, Debug)]
pub(super) struct Measured<S>(S);

impl<S> Layer<S> for MetricsLayer {
    type Service = Measured<S>;

    fn layer(&self, inner: S) -> Measured<S> {
        Measured(inner)
    }
}

impl<S, B> Service<Request<Body>> for Measured<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError>,
    S::Future: Send + 'static,
    B: 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut call = Call {
            method: Method::of(request.uri().path()),
            begun: Instant::now(),
            code: Code::Cancelled,
        };
        let response = self.0.call(request);
        Box::pin(async move {
            let response = response.await;
            call.respond(&response);
            response
        })
    }
}

/// A call in progress. It counts as cancelled if its client gives up before there is a response.
struct Call {
    method: &'static Method,
    begun: Instant,
    code: Code,
}

impl Call {
    fn respond<B>(&mut self, response: &Result<Response<B>, BoxError>) {
        self.code = code(response);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.method.record(self.code, self.begun);
    }
}

/// The status code of a response. A call that succeeds has it after its messages, any other one in the header.
fn code<B>(response: &Result<Response<B>, BoxError>) -> Code {
    match response {
        Ok(response) => {
            let status = Status::from_header_map(response.headers());
            status.map_or(Code::Ok, |status| status.code())
        }
        Err(error) => error
            .downcast_ref::<Status>()
            .map_or(Code::Unknown, Status::code),
    }
}

const fn name_of(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
