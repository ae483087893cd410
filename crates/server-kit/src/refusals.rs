//! The number of requests, streams and connections that a limit of this process refused.

use std::{array, sync::LazyLock};

use holdfast_metrics::{Counter, Counters, Registry};

static REFUSALS: LazyLock<Counters<1>> = LazyLock::new(Counters::default);
/// By limit. Looked up once, as there may be many refusals.
static COUNTERS: LazyLock<[Counter; Limit::ALL.len()]> = LazyLock::new(|| {
    array::from_fn(|index| {
        let limit = Limit::ALL.get(index).copied().map(Limit::as_str);
        REFUSALS.get_or_create_owned(&[("limit", limit.unwrap_or_default())])
    })
});

/// Adds the refusals to a registry.
pub fn register(registry: &mut Registry) {
    LazyLock::force(&COUNTERS);
    registry.register(
        "refusals",
        "Requests, streams and connections that were refused or displaced, by limit",
        REFUSALS.clone(),
    );
}

/// A limit of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// All request slots were in use.
    Requests,
    /// One client network exceeded its share of the request slots.
    RequestsOfNetwork,
    /// The oldest of too many requests whose body had not arrived.
    IncompleteRequests,
    /// The oldest of too many open streams.
    Streams,
    /// A new connection, where all others were those of trusted peers.
    Connections,
    /// An idle connection, which was closed for a new one.
    ReplacedConnections,
}

impl Limit {
    /// All of them, in the order of their declaration.
    const ALL: [Self; 6] = [
        Self::Requests,
        Self::RequestsOfNetwork,
        Self::IncompleteRequests,
        Self::Streams,
        Self::Connections,
        Self::ReplacedConnections,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::RequestsOfNetwork => "requests_of_network",
            Self::IncompleteRequests => "incomplete_requests",
            Self::Streams => "streams",
            Self::Connections => "connections",
            Self::ReplacedConnections => "replaced_connections",
        }
    }

    /// Counts a refusal.
    pub(crate) fn count_refusal(self) {
        if let Some(counter) = COUNTERS.get(self as usize) {
            counter.inc();
        }
    }

    /// The refusals so far.
    #[cfg(test)]
    pub(crate) fn refusals(self) -> u64 {
        COUNTERS[self as usize].get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_listed_in_the_order_of_their_declaration() {
        for (index, limit) in Limit::ALL.into_iter().enumerate() {
            assert_eq!(limit as usize, index);
        }
    }

    #[test]
    fn every_limit_has_a_series_from_the_start() {
        let mut registry = Registry::default();
        register(&mut registry);
        let text = holdfast_metrics::encode(&registry);
        for limit in Limit::ALL {
            let series = format!("refusals_total{{limit=\"{}\"}} ", limit.as_str());
            assert!(text.contains(&series), "{text}");
        }
    }
}
