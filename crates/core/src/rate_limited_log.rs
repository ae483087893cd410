//! Log lines that a flood of the same event must not turn into a flood of lines.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// The least time from one line to the next.
const INTERVAL: Duration = Duration::from_secs(10);

/// Lets one line through in ten seconds, and counts.
#[derive(Debug, Default)]
pub struct LogRateLimiter(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    unsaid: u64,
}

impl LogRateLimiter {
    /// Nothing said yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(State {
            last: None,
            unsaid: 0,
        }))
    }

    /// Counts an event; writes the line with how many there were since the last one, this one included, if it is time.
    pub fn log(&self, line: impl FnOnce(u64)) {
        if let Some(count) = self.due() {
            line(count);
        }
    }

    fn due(&self) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        state.unsaid += 1;
        if state.last.is_some_and(|last| now - last < INTERVAL) {
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_is_said_at_once_and_the_rest_is_counted() {
        let seldom = LogRateLimiter::new();
        assert_eq!(seldom.due(), Some(1));
        assert_eq!(seldom.due(), None);
        assert_eq!(seldom.due(), None);
        tokio::time::advance(INTERVAL).await;
        assert_eq!(seldom.due(), Some(3));
    }
}
