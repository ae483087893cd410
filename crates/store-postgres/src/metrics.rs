//! Metrics of the connections and statements of all stores.

use std::sync::{LazyLock, Mutex, PoisonError, Weak};

use holdfast_metrics::{Counter, GaugeOf, GaugesOf, Histogram, Registry, durations, real};
use sqlx::PgPool;

/// The pools of the stores that are open.
static POOLS: Mutex<Vec<Weak<PgPool>>> = Mutex::new(Vec::new());
pub(super) static WAITS: LazyLock<Histogram> = LazyLock::new(durations);
pub(super) static TIMEOUTS: LazyLock<Counter> = LazyLock::new(Counter::default);
pub(super) static STATEMENTS: LazyLock<Histogram> = LazyLock::new(durations);

/// Adds them to a registry.
pub fn register(registry: &mut Registry) {
    GaugesOf::register(
        registry,
        "postgres_connections",
        "Connections to PostgreSQL that are in use or being opened, and those that are idle",
        || {
            let idle = sum(|pool| pool.num_idle() as u64);
            let in_use = sum(|pool| pool.size().into()).saturating_sub(idle);
            vec![
                ([("state", "in_use")], real(in_use)),
                ([("state", "idle")], real(idle)),
            ]
        },
    );
    GaugeOf::register(
        registry,
        "postgres_connection_slots",
        "Connections to PostgreSQL that can be open at once; 0 without PostgreSQL",
        || {
            Some(real(sum(|pool| {
                pool.options().get_max_connections().into()
            })))
        },
    );
    registry.register(
        "postgres_connection_wait_seconds",
        "Time for which operations waited for a connection to PostgreSQL, with its check or opening, or until they gave up",
        WAITS.clone(),
    );
    registry.register(
        "postgres_connection_timeouts",
        "Operations that got no connection to PostgreSQL in time",
        TIMEOUTS.clone(),
    );
    registry.register(
        "postgres_statement_duration_seconds",
        "Duration of statements on PostgreSQL, until the answer or the end of the wait for it",
        STATEMENTS.clone(),
    );
}

/// Adds a pool to those that are measured, for as long as it lives.
pub(super) fn measure(pool: Weak<PgPool>) {
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    pools.retain(|pool| pool.strong_count() > 0);
    pools.push(pool);
}

/// A number of all pools together.
fn sum(number: fn(&PgPool) -> u64) -> u64 {
    let pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let pools = pools.iter().filter_map(Weak::upgrade);
    pools.map(|pool| number(&pool)).sum()
}
