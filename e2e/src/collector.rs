//! An OpenTelemetry collector that keeps the spans that it receives (OTLP over gRPC).

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

pub use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{KeyValue, any_value::Value},
};
use tokio::{net::TcpListener, task::JoinHandle, time::sleep};
use tonic::{Request, Response, Status, transport::server::TcpIncoming};

/// A running collector, which stops when it is dropped.
pub struct Collector {
    /// Its address.
    pub address: SocketAddr,
    received: Received,
    server: JoinHandle<()>,
}

/// A span, and the service that sent it.
#[derive(Clone, Debug)]
pub struct ReceivedSpan {
    /// The attribute `service.name`.
    pub service: String,
    /// The span itself.
    pub span: Span,
}

#[derive(Clone, Default)]
struct Received {
    spans: Arc<Mutex<Vec<ReceivedSpan>>>,
    delay: Duration,
}

impl Collector {
    /// A collector that answers each message after `delay`.
    pub async fn start(delay: Duration) -> Self {
        Self::start_at("127.0.0.1:0", delay).await
    }

    /// A collector at this address that answers each message after `delay`.
    pub async fn start_at(address: &str, delay: Duration) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Received {
            delay,
            ..Received::default()
        };
        let service = TraceServiceServer::new(received.clone());
        let server = tonic::transport::Server::builder().add_service(service);
        let server = server.serve_with_incoming(TcpIncoming::from(listener));
        Self {
            address,
            received,
            server: tokio::spawn(async { server.await.unwrap() }),
        }
    }

    /// The spans so far.
    #[must_use]
    pub fn spans(&self) -> Vec<ReceivedSpan> {
        self.received.spans.lock().unwrap().clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl ReceivedSpan {
    /// The text of an attribute.
    #[must_use]
    pub fn text(&self, attribute: &str) -> Option<&str> {
        text(&self.span.attributes, attribute)
    }

    /// The identifier of the trace, in hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> String {
        let bytes = self.span.trace_id.as_slice().try_into();
        format!("{:032x}", u128::from_be_bytes(bytes.unwrap()))
    }
}

fn text<'a>(attributes: &'a [KeyValue], name: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|attribute| attribute.key == name)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

#[tonic::async_trait]
impl TraceService for Received {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        sleep(self.delay).await;
        let mut spans = self.spans.lock().unwrap();
        for resource in request.into_inner().resource_spans {
            let attributes = resource.resource.unwrap().attributes;
            let service = text(&attributes, "service.name").unwrap();
            let all = resource
                .scope_spans
                .into_iter()
                .flat_map(|scope| scope.spans);
            spans.extend(all.map(|span| ReceivedSpan {
                service: service.to_owned(),
                span,
            }));
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}
