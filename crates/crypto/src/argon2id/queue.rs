//! A queue for hashing threads that rejects jobs whose expected wait is too long.

use std::{
    collections::VecDeque,
    num::NonZero,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::argon2id::metrics::WAITING;

/// Maximum expected wait of a job.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(2);

/// Maximum number of waiting jobs, however fast the threads are.
const MAX_LENGTH: usize = 4096;

/// The weight of the mean so far against one new measurement is one less than this.
const WEIGHT: u32 = 8;

/// Jobs that wait for a number of threads.
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    threads: NonZero<u32>,
}

struct State<T> {
    waiting: VecDeque<T>,
    /// Exponentially weighted mean of the time that one job takes.
    service_time: Duration,
    is_closed: bool,
}

/// What [`Queue::pop`] returns.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Popped<T> {
    /// The job that has waited longest.
    Job(T),
    /// No job within the timeout.
    Timeout,
    /// No job, and the queue is closed.
    Closed,
}

impl<T> Queue<T> {
    /// An empty queue for this number of threads, each of which is expected to need `service_time` for a job.
    pub(super) const fn new(threads: NonZero<u32>, service_time: Duration) -> Self {
        Self {
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                service_time,
                is_closed: false,
            }),
            changed: Condvar::new(),
            threads,
        }
    }

    /// Adds a job.
    ///
    /// # Errors
    /// The expected wait, where it exceeds [`MAX_WAIT`] or the queue is full.
    pub(super) fn push(&self, job: T) -> Result<(), Duration> {
        let mut state = self.lock();
        let ahead = u32::try_from(state.waiting.len()).unwrap_or(u32::MAX);
        let wait = state.service_time.saturating_mul(ahead) / self.threads.get();
        if wait > MAX_WAIT || state.waiting.len() >= MAX_LENGTH {
            return Err(wait);
        }
        state.waiting.push_back(job);
        // Before a thread can remove it.
        WAITING.inc();
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Removes the job that has waited longest, and waits up to `timeout` for one.
    pub(super) fn pop(&self, timeout: Duration) -> Popped<T> {
        let has_nothing = |state: &mut State<T>| state.waiting.is_empty() && !state.is_closed;
        let (mut state, _) = self
            .changed
            .wait_timeout_while(self.lock(), timeout, has_nothing)
            .unwrap_or_else(PoisonError::into_inner);
        match state.waiting.pop_front() {
            Some(job) => {
                WAITING.dec();
                Popped::Job(job)
            }
            None if state.is_closed => Popped::Closed,
            None => Popped::Timeout,
        }
    }

    /// Records the time that a job took.
    pub(super) fn record(&self, elapsed: Duration) {
        let mut state = self.lock();
        state.service_time = (state.service_time * (WEIGHT - 1) + elapsed) / WEIGHT;
    }

    /// Closes the queue: once no job waits, [`pop`](Self::pop) returns [`Popped::Closed`].
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Drop for Queue<T> {
    fn drop(&mut self) {
        let waiting = self.lock().waiting.len();
        WAITING.dec_by(i64::try_from(waiting).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn queue_for<T>(threads: u32, service_time: Duration) -> Queue<T> {
        Queue::new(NonZero::new(threads).unwrap(), service_time)
    }

    /// The number of jobs that the queue accepts.
    fn capacity(queue: &Queue<()>) -> usize {
        (0..=MAX_LENGTH)
            .take_while(|_| queue.push(()).is_ok())
            .count()
    }

    #[test]
    fn queue_accepts_what_can_be_served_within_the_maximum_wait() {
        let service_time = Duration::from_millis(100);
        assert_eq!(capacity(&queue_for(1, service_time)), 21);
        assert_eq!(capacity(&queue_for(4, service_time)), 81);
        assert_eq!(capacity(&queue_for(1, MAX_WAIT * 2)), 1);
        assert_eq!(capacity(&queue_for(1, Duration::ZERO)), MAX_LENGTH);
    }

    #[test]
    fn rejected_job_returns_the_expected_wait() {
        let queue = queue_for(2, Duration::from_secs(3));
        queue.push(()).unwrap();
        queue.push(()).unwrap();
        assert_eq!(queue.push(()), Err(Duration::from_secs(3)));
    }

    #[test]
    fn longer_jobs_reduce_the_capacity() {
        let queue = queue_for(1, Duration::from_millis(100));
        for _ in 0..64 {
            queue.record(Duration::from_secs(1));
        }
        assert_eq!(capacity(&queue), 3);
    }

    #[test]
    fn jobs_are_popped_in_order_until_the_queue_is_closed() {
        let queue = queue_for(1, NOW);
        queue.push('a').unwrap();
        queue.push('b').unwrap();
        queue.close();
        let popped = [queue.pop(NOW), queue.pop(NOW), queue.pop(NOW)];
        assert_eq!(popped, [Popped::Job('a'), Popped::Job('b'), Popped::Closed]);
        assert_eq!(queue_for::<()>(1, NOW).pop(NOW), Popped::Timeout);
    }
}
