//! Metrics of refused calls, by reason.

use std::sync::LazyLock;

use auth_proto::v1::ErrorReason;
use holdfast_metrics::{Counter, Counters, Registry};

static REFUSALS: LazyLock<Counters<1>> = LazyLock::new(Counters::default);
/// By the number of the reason. Looked up once, as a rejection for load should cost little.
static BY_REASON: LazyLock<Vec<Counter>> = LazyLock::new(|| {
    let reasons = (0..).map_while(|number| ErrorReason::try_from(number).ok());
    let counters = reasons.map(|reason| match reason {
        // Never sent.
        ErrorReason::Unspecified => Counter::default(),
        reason => REFUSALS.get_or_create_owned(&[("reason", reason.wire_name())]),
    });
    counters.collect()
});

/// Adds the refusals to a registry.
pub(in crate::grpc) fn register(registry: &mut Registry) {
    LazyLock::force(&BY_REASON);
    registry.register(
        "grpc_refusals",
        "gRPC calls that were refused or failed, by the reason in their status (`google.rpc.ErrorInfo`)",
        REFUSALS.clone(),
    );
}

/// Counts a refusal.
pub(super) fn count(reason: ErrorReason) {
    let number = usize::try_from(i32::from(reason)).unwrap_or_default();
    if let Some(counter) = BY_REASON.get(number) {
        counter.inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::errors::overloaded;

    #[test]
    fn every_reason_has_a_series_from_the_start() {
        let mut registry = Registry::default();
        register(&mut registry);
        let text = holdfast_metrics::encode(&registry);
        for reason in ["INVALID_CREDENTIALS", "ADDITIONAL_FACTOR_REQUIRED"] {
            let series = format!("grpc_refusals_total{{reason=\"{reason}\"}} ");
            assert!(text.contains(&series), "{text}");
        }
        assert!(!text.contains("UNSPECIFIED"), "{text}");
    }

    #[test]
    fn refusal_is_counted_by_its_reason() {
        let counter = &BY_REASON[ErrorReason::Overloaded as usize];
        let before = counter.get();
        let _status = overloaded("too many calls are in progress");
        assert!(counter.get() > before);
    }
}
