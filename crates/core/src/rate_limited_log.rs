//! Rate limit of log lines, so that many equal events do not fill the log.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Minimum time between two lines.
const INTERVAL: Duration = Duration::from_secs(10);

/// Allows one line in ten seconds for an event, and counts the events between the lines.
#[derive(Debug, Default)]
pub struct LogRateLimiter(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    unreported: u64,
}

impl LogRateLimiter {
    /// Creates a limiter that allows the first line.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(State {
            last: None,
            unreported: 0,
        }))
    }

    /// Counts an event. If a line is due, calls `line` with the number of events since the previous line, this one included.
    pub fn log(&self, line: impl FnOnce(u64)) {
        if let Some(count) = self.due() {
            line(count);
        }
    }

    fn due(&self) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        state.unreported += 1;
        if state.last.is_some_and(|last| now - last < INTERVAL) {
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.unreported))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn first_event_is_logged_and_later_ones_are_counted() {
        let limiter = LogRateLimiter::new();
        assert_eq!(limiter.due(), Some(1));
        assert_eq!(limiter.due(), None);
        assert_eq!(limiter.due(), None);
        tokio::time::advance(INTERVAL).await;
        assert_eq!(limiter.due(), Some(3));
    }
}
