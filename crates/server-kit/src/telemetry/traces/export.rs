//! The queue of spans that have ended, and the thread that sends them to the collector.
//!
//! A thread with a runtime of its own, as the exporter needs one that turns while the services' own are busy or stop. The queue is bounded: a
//! collector that is away costs spans, which are counted, and neither memory nor time of requests.

use std::{
    io,
    sync::{LazyLock, mpsc::RecvTimeoutError},
    thread,
    time::Duration,
};

use holdfast_core::rate_limited_log::LogRateLimiter;
use holdfast_metrics::{Counter, Registry};
use opentelemetry::Context;
use opentelemetry_otlp::{SpanExporter, WithTonicConfig as _};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{Span, SpanData, SpanExporter as _, SpanProcessor},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout, timeout_at},
};
use tonic::transport::Endpoint;

/// Maximum number of spans that wait, some kilobytes each.
const QUEUE_LENGTH: usize = 4096;
/// Maximum number of spans in one message.
const BATCH: usize = 512;
/// Time for which spans wait for others.
const INTERVAL: Duration = Duration::from_secs(1);
/// Deadline of one message.
const DEADLINE: Duration = Duration::from_secs(5);
/// Time that sending the last spans may take at the end of the process.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

static EXPORTED: LazyLock<Counter> = LazyLock::new(Counter::default);
static DROPPED: LazyLock<Counter> = LazyLock::new(Counter::default);
static FAILED: LogRateLimiter = LogRateLimiter::new("traces.export_failed");

/// Adds the spans to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(
        "trace_spans_exported",
        "Spans that the collector has accepted",
        EXPORTED.clone(),
    );
    registry.register(
        "trace_spans_dropped",
        "Spans that were dropped, as the collector did not accept them, or too slowly",
        DROPPED.clone(),
    );
}

/// Queues spans that have ended.
#[derive(Debug)]
pub(super) struct SpanQueue(mpsc::Sender<SpanData>);

/// Sends, when it is dropped, the spans that wait, for at most a second.
#[derive(Debug)]
pub(in crate::telemetry) struct ExportGuard {
    stop: Option<oneshot::Sender<()>>,
    stopped: std::sync::mpsc::Receiver<()>,
}

impl SpanQueue {
    /// Starts the thread.
    pub(super) fn start(
        collector: Endpoint,
        resource: Resource,
    ) -> io::Result<(Self, ExportGuard)> {
        let (sender, spans) = mpsc::channel(QUEUE_LENGTH);
        let (stop, stopping) = oneshot::channel();
        let (on_end, stopped) = std::sync::mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        thread::Builder::new()
            .name("traces".to_owned())
            .spawn(move || {
                runtime.block_on(export_all(collector, resource, spans, stopping));
                drop(on_end);
            })?;
        let guard = ExportGuard {
            stop: Some(stop),
            stopped,
        };
        Ok((Self(sender), guard))
    }
}

impl SpanProcessor for SpanQueue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.0.try_send(span).is_err() {
            DROPPED.inc();
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl Drop for ExportGuard {
    fn drop(&mut self) {
        drop(self.stop.take());
        // An error: the thread has ended. Otherwise the last spans are lost.
        let _: Result<(), RecvTimeoutError> = self.stopped.recv_timeout(FLUSH_TIMEOUT);
    }
}

/// Sends spans until `stopping`, and then those that wait.
async fn export_all(
    collector: Endpoint,
    resource: Resource,
    mut spans: mpsc::Receiver<SpanData>,
    mut stopping: oneshot::Receiver<()>,
) {
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_channel(collector.connect_lazy())
        .build();
    let mut exporter = match exporter {
        Ok(exporter) => exporter,
        Err(error) => return failed(0, &error.to_string()),
    };
    exporter.set_resource(&resource);
    let mut batch = Vec::new();
    loop {
        let continues = tokio::select! {
            is_open = fill(&mut batch, &mut spans) => is_open,
            _ = &mut stopping => false,
        };
        if !continues {
            break;
        }
        export(&exporter, std::mem::take(&mut batch)).await;
    }
    while let Ok(span) = spans.try_recv() {
        batch.push(span);
    }
    export(&exporter, batch).await;
}

/// Waits until the batch is full, or its first span has waited long enough. Returns whether there can be more spans.
async fn fill(batch: &mut Vec<SpanData>, spans: &mut mpsc::Receiver<SpanData>) -> bool {
    let mut is_open = spans.recv_many(batch, BATCH).await > 0;
    let until = Instant::now() + INTERVAL;
    while is_open && batch.len() < BATCH {
        let more = spans.recv_many(batch, BATCH - batch.len());
        match timeout_at(until, more).await {
            Ok(received) => is_open = received > 0,
            Err(_elapsed) => break,
        }
    }
    is_open
}

async fn export(exporter: &SpanExporter, batch: Vec<SpanData>) {
    if batch.is_empty() {
        return;
    }
    let spans = batch.len() as u64;
    match timeout(DEADLINE, exporter.export(batch)).await {
        Ok(Ok(())) => drop(EXPORTED.inc_by(spans)),
        Ok(Err(error)) => failed(spans, &error.to_string()),
        Err(_elapsed) => failed(spans, "no answer in time"),
    }
}

fn failed(spans: u64, error: &str) {
    DROPPED.inc_by(spans);
    FAILED.log(|times| {
        tracing::warn!(
            event = "traces.export_failed",
            error,
            spans,
            times,
            "spans could not be sent to the collector; they are dropped"
        );
    });
}
