//! The events whose log lines are limited in number.

use std::fmt;

use holdfast_core::rate_limited_log::event_totals;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, counter::ConstCounter},
    registry::Registry,
};

/// Adds the number of each event whose log lines are limited, with a line or without, to a registry.
pub fn register(registry: &mut Registry) {
    registry.register_collector(Box::new(LogEvents));
}

#[derive(Debug)]
struct LogEvents;

impl Collector for LogEvents {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "log_events",
            "Events whose log lines or audit events are limited in number, by name, with a line or without",
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
