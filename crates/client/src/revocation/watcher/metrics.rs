//! Metrics of the revocation stream.

use std::sync::LazyLock;

use holdfast_metrics::{Counter, GaugeOf, Registry, real};

use crate::revocation::watcher::{RevocationWatcher, StreamState};

pub(super) static SNAPSHOTS: LazyLock<Counter> = LazyLock::new(Counter::default);
pub(super) static DISCONNECTIONS: LazyLock<Counter> = LazyLock::new(Counter::default);

pub(super) fn register(watcher: &RevocationWatcher, registry: &mut Registry) {
    registry.register(
        "revocation_stream_snapshots",
        "Snapshots of the revocation log that were received in place of what was missed",
        SNAPSHOTS.clone(),
    );
    registry.register(
        "revocation_stream_disconnections",
        "Times that the revocation stream ended or could not be opened",
        DISCONNECTIONS.clone(),
    );
    let mut gauge = |name, help, value: fn(&StreamState) -> Option<f64>| {
        let watcher = watcher.clone();
        GaugeOf::register(registry, name, help, move || value(&watcher.state()));
    };
    gauge(
        "revocation_stream_connected",
        "Whether the revocation stream is open (1) or not (0)",
        |state| Some(f64::from(u8::from(state.is_connected))),
    );
    gauge(
        "revocation_stream_message_age_seconds",
        "Age of the last message of the revocation stream; absent before the first one",
        |state| Some(state.last_message_at?.elapsed().as_secs_f64()),
    );
    gauge(
        "revocation_log_position",
        "Position in the revocation log up to which all entries were received",
        |state| Some(real(state.set.position().unsigned_abs())),
    );
    gauge(
        "revocation_log_entries_behind",
        "Entries of the revocation log that the stream has announced and that do not apply yet, at most, as sequence numbers have gaps; absent while it is disconnected",
        |state| Some(real(state.entries_behind()?.unsigned_abs())),
    );
    gauge(
        "revocations_in_memory",
        "Revocations in memory, which can still match a credential",
        |state| Some(real(u64::try_from(state.set.len()).ok()?)),
    );
}
