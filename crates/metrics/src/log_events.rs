//! The number of log events, by name.

use std::fmt;

use holdfast_core::rate_limited_log::{declare_events, event_totals};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, counter::ConstCounter},
    registry::Registry,
};

/// Adds the number of each event that `LogRateLimiter` or `count_event` counts to a registry. `events` are those of the service: their
/// series exist from the start, so that an alarm on an increase does not miss the first one.
pub fn register(registry: &mut Registry, events: &[&'static str]) {
    declare_events(events);
    registry.register_collector(Box::new(LogEvents));
}

#[derive(Debug)]
struct LogEvents;

impl Collector for LogEvents {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "log_events",
            "Events by name, with a log line or without: many lines are limited in number",
            None,
            MetricType::Counter,
        )?;
        for (event, total) in event_totals() {
            let counter = ConstCounter::new(total);
            counter.encode(family.encode_family(&[("event", event)])?)?;
        }
        Ok(())
    }
}
