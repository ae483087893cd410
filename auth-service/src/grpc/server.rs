//! The gRPC server: its layers and limits.

use std::{any::Any, sync::Arc, time::Duration};

use auth_proto::FILE_DESCRIPTOR_SET;
use holdfast_server_kit::{
    connections::BoundedListener,
    grpc::GrpcOnlyLayer,
    read_message::ReadMessageLayer,
    request_limit::{RequestLimit, SlotLimits},
};
use tokio_util::sync::CancellationToken;
use tonic::{
    body::Body,
    service::{Routes, RoutesBuilder},
};
use tower_http::{catch_panic::CatchPanicLayer, trace::TraceLayer};

use crate::grpc::{
    Services,
    call_kinds::PortCalls,
    call_span::{CallSpans, RecordStatus},
    connections::{self, PortTls},
    drain::SignIns,
    health,
    metrics::MetricsLayer,
    run_to_completion::RunToCompletionLayer,
};

/// Bytes of a request message.
const MAX_MESSAGE: usize = 64 * 1024;
/// Bytes of the metadata of a request.
const MAX_METADATA: u32 = 16 * 1024;
/// Concurrent calls on one connection, a small part of [`REQUEST_SLOTS`]. web-service has a connection of its own for calls that take long.
const MAX_STREAMS: u32 = 128;
/// Bytes that a caller may send before they are read: of one call, and of all calls on a connection.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;

/// Request slots, over all connections. A call takes one when its message has arrived; a call without one is rejected with
/// `RESOURCE_EXHAUSTED`.
pub const REQUEST_SLOTS: SlotLimits = SlotLimits {
    total: 2048,
    reserved: 512,
    per_network: 1024,
};
/// The longest time that a unary call may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// The interval of HTTP/2 pings.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// How long a connection may be silent, without even the response to a ping, before it is closed.
pub const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// The server of the gRPC port.
pub struct Server {
    services: Services,
    request_limit: Arc<RequestLimit>,
    tls: Option<PortTls>,
    reflection: bool,
}

impl Server {
    /// A server of `services`, with TLS if `tls` is given, and with server reflection if `reflection` is set.
    #[must_use]
    pub const fn new(
        services: Services,
        request_limit: Arc<RequestLimit>,
        tls: Option<PortTls>,
        reflection: bool,
    ) -> Self {
        Self {
            services,
            request_limit,
            tls,
            reflection,
        }
    }

    /// Whether the port uses TLS.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Serves until `shutdown`. Returns when the sign-ins that have begun and the calls in flight have finished.
    ///
    /// # Errors
    /// The listener failed.
    pub async fn serve(
        self,
        listener: BoundedListener,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()> {
        let mut routes = Routes::builder();
        health::add_to(&mut routes, shutdown.clone()).await;
        if self.reflection {
            add_reflection(&mut routes)?;
        }
        let service_identity = Arc::clone(&self.services.service_identity);
        let run_to_completion = RunToCompletionLayer {
            limit: self.request_limit,
            service_identity: Arc::clone(&service_identity),
        };
        let (sign_ins, closing) = (SignIns::default(), CancellationToken::new());
        self.services.add_to(&mut routes, MAX_MESSAGE, &closing);
        tokio::spawn(close_after_sign_ins(
            sign_ins.clone(),
            shutdown,
            closing.clone(),
        ));

        let incoming = connections::incoming(listener, self.tls);
        tonic::transport::Server::builder()
            .timeout(DEADLINE)
            .max_concurrent_streams(MAX_STREAMS)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .http2_max_header_list_size(MAX_METADATA)
            .http2_keepalive_interval(Some(KEEPALIVE))
            .layer(MetricsLayer)
            .layer(GrpcOnlyLayer)
            .layer(ReadMessageLayer::<PortCalls>::new(MAX_MESSAGE))
            .layer(sign_ins)
            .layer(run_to_completion)
            .layer(
                TraceLayer::new_for_grpc()
                    .make_span_with(CallSpans(service_identity))
                    .on_response(RecordStatus)
                    // Rejections are the caller's errors; faults are logged where they become a status.
                    .on_failure(()),
            )
            .layer(CatchPanicLayer::custom(panicked))
            .add_routes(routes.routes())
            .serve_with_incoming_shutdown(incoming, closing.cancelled_owned())
            .await?;
        Ok(())
    }
}

/// Closes connections only when the sign-ins have finished: web-service sends no second call on a connection that is closing.
async fn close_after_sign_ins(
    sign_ins: SignIns,
    shutdown: CancellationToken,
    closing: CancellationToken,
) {
    shutdown.cancelled().await;
    sign_ins.finish().await;
    closing.cancel();
}

/// Adds server reflection `v1`, and `v1alpha` for older programs.
fn add_reflection(routes: &mut RoutesBuilder) -> anyhow::Result<()> {
    let builder = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
    };
    routes
        .add_service(builder().build_v1()?)
        .add_service(builder().build_v1alpha()?);
    Ok(())
}

fn panicked(_: Box<dyn Any + Send>) -> http::Response<Body> {
    crate::grpc::errors::internal().into_http()
}

#[cfg(test)]
mod tests {
    use tonic::Status;

    use super::*;

    #[test]
    fn panic_becomes_internal_status() {
        let response = panicked(Box::new(()));
        let status = Status::from_header_map(response.headers()).unwrap();
        assert_eq!(status.code(), tonic::Code::Internal);
    }
}
