//! The difference between the clocks of auth-service and this process.

use std::time::Duration;

use holdfast_core::{clock::Clock, rate_limited_log::count_event};
use time::OffsetDateTime;

/// The largest difference without a warning.
const MAX_SKEW: time::Duration = time::Duration::seconds(30);

/// Interval of the warnings while the clocks differ by more.
pub(super) const WARN_INTERVAL: Duration = Duration::from_mins(10);

/// The last time that auth-service reported, and the last warning.
#[derive(Default)]
pub(super) struct IssuerClock {
    /// Time of auth-service, and the uptime of this process's clock when it was received.
    reported: Option<(OffsetDateTime, Duration)>,
    /// Uptime at the last warning; `None` while the clocks agree.
    pub(super) warned_at: Option<Duration>,
}

impl IssuerClock {
    /// Records a time that auth-service reported, and warns if it differs too much from `clock`.
    pub(super) fn record(&mut self, issuer_time: OffsetDateTime, clock: &dyn Clock) {
        let (now, uptime) = (clock.now(), clock.uptime());
        self.reported = Some((issuer_time, uptime));
        if (issuer_time - now).abs() <= MAX_SKEW {
            self.warned_at = None;
            return;
        }
        let since_warning = self
            .warned_at
            .map(|warned_at| uptime.saturating_sub(warned_at));
        if since_warning.is_none_or(|since| since >= WARN_INTERVAL) {
            self.warned_at = Some(uptime);
            count_event("clock.skewed");
            tracing::warn!(
                event = "clock.skewed",
                clock = %now,
                %issuer_time,
                "the clocks of the two services differ by more than 30 seconds"
            );
        }
    }

    /// The time that auth-service's clock shows now: the reported one and the uptime since; `None` if it reported none.
    pub(super) fn now(&self, clock: &dyn Clock) -> Option<OffsetDateTime> {
        let (time, uptime) = self.reported?;
        time.checked_add(clock.uptime().saturating_sub(uptime).try_into().ok()?)
    }
}
