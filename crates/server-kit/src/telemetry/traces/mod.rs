//! Export of traces by OTLP over gRPC (OpenTelemetry Protocol 1).

mod contexts;
mod export;

use std::{io, time::Duration};

use holdfast_core::random::Random;
use holdfast_tls::TlsMaterial;
use holdfast_trace::{Ratio, TARGET};
use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracerProvider},
};
use rustix::system::uname;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

pub(super) use self::export::ExportGuard;
pub use self::export::register;
use self::{contexts::OpenTelemetryContexts, export::SpanQueue};

/// Time for which an attempt to connect to the collector lasts.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Which requests are traced, and where their spans are sent.
#[derive(Clone, Debug)]
pub struct TraceConfig {
    service: &'static str,
    collector: Endpoint,
    ratio: Ratio,
}

impl TraceConfig {
    /// `service` is the attribute `service.name`. `url` has the scheme `http`, or `https` with the authorities in `tls`.
    ///
    /// # Errors
    /// The URL or the certificates cannot be used.
    pub fn new(
        service: &'static str,
        url: &str,
        tls: Option<&TlsMaterial>,
        ratio: Ratio,
    ) -> Result<Self, tonic::transport::Error> {
        let mut collector = Endpoint::from_shared(url.to_owned())?.connect_timeout(CONNECT_TIMEOUT);
        if let Some(authorities) = tls.and_then(|tls| tls.authorities.as_ref()) {
            let authorities = Certificate::from_pem(&authorities.pem);
            collector = collector.tls_config(ClientTlsConfig::new().ca_certificate(authorities))?;
        }
        Ok(Self {
            service,
            collector,
            ratio,
        })
    }
}

/// Turns traces on: the layer that turns spans of the target [`TARGET`] into those of OpenTelemetry, and the guard of their export.
///
/// # Errors
/// The thread that exports cannot be started.
pub(super) fn start<S>(
    config: TraceConfig,
    random: &dyn Random,
) -> io::Result<(impl Layer<S> + Send + Sync, ExportGuard)>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    let resource = resource(config.service);
    let (queue, guard) = SpanQueue::start(config.collector, resource.clone())?;
    let provider = SdkTracerProvider::builder()
        // Spans exist for sampled requests only.
        .with_sampler(Sampler::AlwaysOn)
        .with_resource(resource)
        .with_span_processor(queue)
        .build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer(config.service))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_target(false)
        .with_level(false)
        .with_context_activation(false);
    holdfast_trace::enable(config.ratio, random, Box::new(OpenTelemetryContexts));
    Ok((layer.with_filter(filter_fn(is_exported)), guard))
}

/// Spans of sampled requests, and what went wrong in them.
fn is_exported(metadata: &Metadata<'_>) -> bool {
    if metadata.is_span() {
        metadata.target() == TARGET
    } else {
        *metadata.level() <= Level::WARN
    }
}

/// The attributes of this process (semantic conventions, "Service" and "Host").
fn resource(service: &'static str) -> Resource {
    // Not from `/proc`, of which a sandbox may show processes only.
    let system = uname();
    let host = system.nodename().to_string_lossy();
    Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", service),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("host.name", host.into_owned()),
            KeyValue::new("process.pid", i64::from(std::process::id())),
        ])
        .build()
}

#[cfg(test)]
mod tests {
    use opentelemetry::Key;

    use super::*;

    #[test]
    fn resource_names_the_host() {
        let host = resource("test").get(&Key::new("host.name"));
        assert!(host.is_some_and(|host| !host.as_str().is_empty()));
    }
}
