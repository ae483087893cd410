//! Metrics of connections, by port.

use std::sync::LazyLock;

use holdfast_metrics::{Gauge, Gauges, Registry};

static OPEN: LazyLock<Gauges<1>> = LazyLock::new(Gauges::default);
static SLOTS: LazyLock<Gauges<1>> = LazyLock::new(Gauges::default);

/// Adds the connections of all ports, and their limits, to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(
        "connections_open",
        "Connections that are open, by port",
        OPEN.clone(),
    );
    registry.register(
        "connection_slots",
        "Connections that can be open at once, by port",
        SLOTS.clone(),
    );
}

/// The number of open connections of a port whose limit is `slots`.
pub(super) fn open(port: &'static str, slots: usize) -> Gauge {
    let slots = i64::try_from(slots).unwrap_or(i64::MAX);
    SLOTS.get_or_create(&[("port", port)]).set(slots);
    OPEN.get_or_create_owned(&[("port", port)])
}
