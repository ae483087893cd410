//! An OpenTelemetry collector that discards the spans that it receives (OTLP over gRPC).

use std::net::{Ipv4Addr, SocketAddr};

use clap::Args;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
    trace_service_server::{TraceService, TraceServiceServer},
};
use tonic::{Request, Response, Status, transport::Server};

#[derive(Args)]
pub(super) struct Options {
    /// Port on the loopback address
    #[arg(long)]
    port: u16,
}

/// Runs until the process is killed.
pub(super) async fn run(options: Options) -> anyhow::Result<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
    let service = TraceServiceServer::new(Collector);
    Server::builder()
        .add_service(service)
        .serve(address)
        .await?;
    Ok(String::new())
}

struct Collector;

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        _request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}
