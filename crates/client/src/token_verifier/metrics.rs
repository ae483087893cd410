//! Metrics of token verification.

use std::sync::LazyLock;

use holdfast_metrics::{Counter, Counters, Registry};

use crate::error::AuthError;

static VERIFICATIONS: LazyLock<Counters<2>> = LazyLock::new(Counters::default);

/// Tokens whose verdict was in memory.
pub(super) static FROM_MEMORY: LazyLock<Counter> = LazyLock::new(|| counter("memory", "valid"));

fn counter(source: &'static str, outcome: &'static str) -> Counter {
    VERIFICATIONS.get_or_create_owned(&[("source", source), ("outcome", outcome)])
}

/// A call to auth-service.
pub(super) const CALL: &str = "call";
/// The call of another request.
pub(super) const SHARED: &str = "shared";
const OUTCOMES: [&str; 4] = ["valid", "refused", "throttled", "unavailable"];

/// Counts a verdict from [`CALL`] or [`SHARED`].
pub(super) fn record<T>(source: &'static str, result: &Result<T, AuthError>) {
    let [valid, refused, throttled, unavailable] = OUTCOMES;
    let outcome = match result {
        Ok(_) => valid,
        Err(AuthError::Refused(_)) => refused,
        Err(AuthError::Throttled { .. }) => throttled,
        Err(AuthError::Unavailable { .. } | AuthError::Broken(_)) => unavailable,
    };
    counter(source, outcome).inc();
}

pub(crate) fn register(registry: &mut Registry) {
    // Series that exist from the start can be compared with later.
    LazyLock::force(&FROM_MEMORY);
    for source in [CALL, SHARED] {
        for outcome in OUTCOMES {
            drop(counter(source, outcome));
        }
    }
    registry.register(
        "token_verifications",
        "Access tokens that were verified: with the verdict in memory, by a call to auth-service, or by joining the call of another request",
        VERIFICATIONS.clone(),
    );
}
