//! Metrics of back-channel logout.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use holdfast_core::clock::Clock;
use holdfast_metrics::{Counter, Counters, GaugeOf, Histogram, Registry, observe};
use time::OffsetDateTime;

/// Upper bounds of the buckets for the time from an end to its delivery, in seconds: up to [`LOGOUT_DELIVERY_TTL`].
///
/// [`LOGOUT_DELIVERY_TTL`]: holdfast_identity::oauth::LOGOUT_DELIVERY_TTL
const DELAYS: [f64; 11] = [
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0, 3600.0, 86400.0,
];

static LOGOUTS: LazyLock<Counters<1>> = LazyLock::new(Counters::default);
static DELAY: LazyLock<Histogram> = LazyLock::new(|| Histogram::new(DELAYS));

/// What became of an attempt or an end.
#[derive(Clone, Copy)]
pub(super) enum LogoutOutcome {
    Delivered,
    Failed,
    Refused,
    GivenUp,
}

impl LogoutOutcome {
    const ALL: [Self; 4] = [Self::Delivered, Self::Failed, Self::Refused, Self::GivenUp];

    fn counter(self) -> Counter {
        let name = match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::GivenUp => "given_up",
        };
        LOGOUTS.get_or_create_owned(&[("outcome", name)])
    }

    /// Counts one.
    pub(super) fn count(self) {
        self.count_by(1);
    }

    /// Counts several.
    pub(super) fn count_by(self, number: u64) {
        self.counter().inc_by(number);
    }
}

/// Records the time from an end to its delivery.
pub(super) fn record_delay(delay: time::Duration) {
    observe(&DELAY, Duration::try_from(delay).unwrap_or_default());
}

/// The time of the oldest undelivered end, as the instance knows it that delivers.
#[derive(Debug, Default)]
pub(super) struct OldestLogout(AtomicI64);

impl OldestLogout {
    /// Records it; `None` where everything is delivered, or another instance delivers.
    pub(super) fn record(&self, ended_at: Option<OffsetDateTime>) {
        let seconds = ended_at.map_or(0, OffsetDateTime::unix_timestamp);
        self.0.store(seconds, Ordering::Relaxed);
    }

    fn age(&self, now: OffsetDateTime) -> f64 {
        match self.0.load(Ordering::Relaxed) {
            0 => 0.0,
            seconds => {
                let age = now - OffsetDateTime::UNIX_EPOCH - time::Duration::seconds(seconds);
                age.as_seconds_f64().max(0.0)
            }
        }
    }
}

/// Adds the metrics to a registry.
pub(super) fn register(oldest: Arc<OldestLogout>, clock: Arc<dyn Clock>, registry: &mut Registry) {
    for outcome in LogoutOutcome::ALL {
        drop(outcome.counter());
    }
    registry.register(
        "backchannel_logouts",
        "Logout tokens that relying parties accepted (delivered) or refused, attempts that failed, and ends of sessions that were given up, by outcome",
        LOGOUTS.clone(),
    );
    registry.register(
        "backchannel_logout_delay_seconds",
        "Time from the end of a session to its delivery to the relying party",
        DELAY.clone(),
    );
    GaugeOf::register(
        registry,
        "backchannel_logout_oldest_pending_seconds",
        "Age of the oldest end that a relying party has not received, at the instance that delivers; 0 where there is none, and at other instances",
        move || Some(oldest.age(clock.now())),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_is_that_of_the_recorded_end() {
        let oldest = OldestLogout::default();
        let now = OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1000);
        let age = || oldest.age(now).round().to_string();
        assert_eq!(age(), "0");
        oldest.record(Some(now - Duration::from_secs(7)));
        assert_eq!(age(), "7");
        oldest.record(Some(now + Duration::from_secs(7)));
        assert_eq!(age(), "0");
        oldest.record(None);
        assert_eq!(age(), "0");
    }
}
