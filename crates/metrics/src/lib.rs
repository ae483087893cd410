//! Metrics of a process, as text for Prometheus (`OpenMetrics`).
//!
//! A crate declares its metrics as statics beside what they measure, and adds them to a registry with a function `register`. Label values are
//! static strings, so that a metric has as many series as the source names, whatever clients send.

mod log_events;
mod process;

use std::{fmt, time::Duration};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _, text},
    metrics::{MetricType, counter::ConstCounter, family::Family, gauge::ConstGauge},
};
pub use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

pub use self::{
    log_events::register as register_log_events, process::register as register_process,
};

/// The media type of [`encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the buckets for the duration of a request, in seconds.
const DURATIONS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// Names and values of labels.
pub type Labels<const N: usize> = [(&'static str, &'static str); N];

/// A counter for each combination of label values.
pub type Counters<const N: usize> = Family<Labels<N>, Counter>;

/// A gauge for each combination of label values.
pub type Gauges<const N: usize> = Family<Labels<N>, Gauge>;

/// A histogram of durations for each combination of label values.
pub type Histograms<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;

/// A histogram of durations from a millisecond to ten seconds.
#[must_use]
pub fn durations() -> Histogram {
    Histogram::new(DURATIONS)
}

/// Histograms of durations from a millisecond to ten seconds.
#[must_use]
pub fn duration_histograms<const N: usize>() -> Histograms<N> {
    Family::new_with_constructor(durations)
}

/// Adds a duration to a histogram.
pub fn observe(histogram: &Histogram, duration: Duration) {
    histogram.observe(duration.as_secs_f64());
}

/// Something that a gauge counts as in progress, or in use, until this is dropped.
#[derive(Debug)]
pub struct InProgress<'a>(&'a Gauge);

impl<'a> InProgress<'a> {
    /// Counts one more.
    #[must_use]
    pub fn begin(gauge: &'a Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for InProgress<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A number as the value of a gauge, exact up to 2⁵³.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "metrics are floating-point numbers"
)]
pub const fn real(number: u64) -> f64 {
    number as f64
}

/// A gauge whose value is determined when the metrics are read.
pub struct GaugeOf<F> {
    name: &'static str,
    help: &'static str,
    value: F,
}

impl<F> GaugeOf<F>
where
    F: Fn() -> Option<f64> + Send + Sync + 'static,
{
    /// Adds the gauge to a registry. Without a value it is absent. `name` ends with its unit.
    pub fn register(registry: &mut Registry, name: &'static str, help: &'static str, value: F) {
        registry.register_collector(Box::new(Self { name, help, value }));
    }
}

impl<F> fmt::Debug for GaugeOf<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GaugeOf")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl<F> Collector for GaugeOf<F>
where
    F: Fn() -> Option<f64> + Send + Sync + 'static,
{
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(value) = (self.value)() else {
            return Ok(());
        };
        let gauge = ConstGauge::new(value);
        let metric = encoder.encode_descriptor(self.name, self.help, None, gauge.metric_type())?;
        gauge.encode(metric)
    }
}

/// Gauges of one name, with the values that they have when the metrics are read.
pub struct GaugesOf<F, const N: usize> {
    name: &'static str,
    help: &'static str,
    values: F,
}

impl<F, const N: usize> GaugesOf<F, N>
where
    F: Fn() -> Vec<(Labels<N>, f64)> + Send + Sync + 'static,
{
    /// Adds the gauges to a registry: one for each combination of label values that `values` returns. Without any they are absent.
    pub fn register(registry: &mut Registry, name: &'static str, help: &'static str, values: F) {
        registry.register_collector(Box::new(Self { name, help, values }));
    }
}

impl<F, const N: usize> fmt::Debug for GaugesOf<F, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GaugesOf")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl<F, const N: usize> Collector for GaugesOf<F, N>
where
    F: Fn() -> Vec<(Labels<N>, f64)> + Send + Sync + 'static,
{
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let values = (self.values)();
        if values.is_empty() {
            return Ok(());
        }
        let mut family =
            encoder.encode_descriptor(self.name, self.help, None, MetricType::Gauge)?;
        for (labels, value) in values {
            ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

/// A counter whose value is determined when the metrics are read.
#[derive(Debug)]
pub(crate) struct CounterOf {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) value: fn() -> f64,
}

impl Collector for CounterOf {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counter = ConstCounter::new((self.value)());
        let metric =
            encoder.encode_descriptor(self.name, self.help, None, counter.metric_type())?;
        counter.encode(metric)
    }
}

/// All metrics of a registry as text.
#[must_use]
pub fn encode(registry: &Registry) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = text::encode(&mut text, registry);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gauge_counts_what_is_in_progress() {
        let gauge = Gauge::default();
        let one = InProgress::begin(&gauge);
        let other = InProgress::begin(&gauge);
        assert_eq!(gauge.get(), 2);
        drop((one, other));
        assert_eq!(gauge.get(), 0);
    }

    #[test]
    fn registry_is_encoded_as_openmetrics() {
        let mut registry = Registry::with_prefix("test");
        let counters = Counters::<1>::default();
        registry.register("events", "Events", counters.clone());
        counters.get_or_create(&[("kind", "a")]).inc();
        GaugeOf::register(&mut registry, "age_seconds", "Age", || Some(1.5));
        GaugeOf::register(&mut registry, "absent_seconds", "Absent", || None);
        GaugesOf::register(&mut registry, "slots", "Slots", || {
            vec![([("of", "a")], 1.0), ([("of", "b")], 2.5)]
        });
        GaugesOf::<_, 1>::register(&mut registry, "no_slots", "No slots", Vec::new);
        assert_eq!(
            encode(&registry),
            "# HELP test_events Events.\n# TYPE test_events counter\ntest_events_total{kind=\"a\"} 1\n\
             # HELP test_age_seconds Age\n# TYPE test_age_seconds gauge\ntest_age_seconds 1.5\n\
             # HELP test_slots Slots\n# TYPE test_slots gauge\ntest_slots{of=\"a\"} 1.0\ntest_slots{of=\"b\"} 2.5\n# EOF\n"
        );
    }
}
