//! Rate limit of log lines, so that many equal events do not fill the log.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Minimum time between two lines.
const INTERVAL: Duration = Duration::from_secs(10);

/// The number of events of this process, by name.
static TOTALS: Mutex<BTreeMap<&'static str, u64>> = Mutex::new(BTreeMap::new());

/// Allows one line in ten seconds for an event, and counts the events between the lines.
#[derive(Debug)]
pub struct LogRateLimiter {
    event: &'static str,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    unreported: u64,
}

impl LogRateLimiter {
    /// Creates a limiter that allows the first line. `event` is the field of that name in the line.
    #[must_use]
    pub const fn new(event: &'static str) -> Self {
        Self {
            event,
            state: Mutex::new(State {
                last: None,
                unreported: 0,
            }),
        }
    }

    /// Counts an event. If a line is due, calls `line` with the number of events since the previous line, this one included.
    pub fn log(&self, line: impl FnOnce(u64)) {
        count_event(self.event);
        if let Some(count) = self.due() {
            line(count);
        }
    }

    fn due(&self) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        state.unreported += 1;
        if state.last.is_some_and(|last| now - last < INTERVAL) {
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.unreported))
    }
}

/// Counts an event whose lines are not limited. `event` is the field of that name in the line.
pub fn count_event(event: &'static str) {
    *totals().entry(event).or_default() += 1;
}

/// Adds events to [`event_totals`] before they happen.
pub fn declare_events(events: &[&'static str]) {
    let mut totals = totals();
    for &event in events {
        totals.entry(event).or_default();
    }
}

/// The names of the events that were declared or counted, and how often each happened in this process, with a line or without.
#[must_use]
pub fn event_totals() -> Vec<(&'static str, u64)> {
    totals()
        .iter()
        .map(|(event, total)| (*event, *total))
        .collect()
}

fn totals() -> MutexGuard<'static, BTreeMap<&'static str, u64>> {
    TOTALS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn first_event_is_logged_and_later_ones_are_counted() {
        let limiter = LogRateLimiter::new("test.event");
        assert_eq!(limiter.due(), Some(1));
        assert_eq!(limiter.due(), None);
        assert_eq!(limiter.due(), None);
        tokio::time::advance(INTERVAL).await;
        assert_eq!(limiter.due(), Some(3));
    }

    #[test]
    fn every_event_is_in_the_totals() {
        let limiter = LogRateLimiter::new("test.total");
        for _ in 0..3 {
            limiter.log(|_| ());
        }
        assert!(event_totals().contains(&("test.total", 3)));
    }

    #[test]
    fn declared_event_keeps_its_total() {
        declare_events(&["test.declared"]);
        assert!(event_totals().contains(&("test.declared", 0)));
        count_event("test.declared");
        declare_events(&["test.declared"]);
        assert!(event_totals().contains(&("test.declared", 1)));
    }
}
