//! What waits for a hashing thread: as much as can be served in time, and no more.

use std::{
    collections::VecDeque,
    num::NonZero,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How long a password may wait for its turn.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(2);

/// However fast the threads are.
const MAX_LENGTH: usize = 4096;

/// How many turns the mean looks back on.
const MEMORY: u32 = 8;

/// Jobs for a number of threads.
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    threads: NonZero<u32>,
}

struct State<T> {
    waiting: VecDeque<T>,
    /// How long one job takes, by the latest ones.
    turn: Duration,
    is_closed: bool,
}

/// What a thread finds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Popped<T> {
    /// A job to do.
    Job(T),
    /// Nothing, for as long as it was willing to wait.
    Nothing,
    /// Nothing ever again.
    End,
}

impl<T> Queue<T> {
    /// For this many threads, of which each is expected to need `turn` for a job.
    pub(super) const fn new(threads: NonZero<u32>, turn: Duration) -> Self {
        Self {
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                turn,
                is_closed: false,
            }),
            changed: Condvar::new(),
            threads,
        }
    }

    /// Adds a job; refuses it with the expected wait when that is too long.
    pub(super) fn push(&self, job: T) -> Result<(), Duration> {
        let mut state = self.lock();
        let ahead = u32::try_from(state.waiting.len()).unwrap_or(u32::MAX);
        let wait = state.turn.saturating_mul(ahead) / self.threads.get();
        if wait > MAX_WAIT || state.waiting.len() >= MAX_LENGTH {
            return Err(wait);
        }
        state.waiting.push_back(job);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Takes the job that waited longest; waits for one, but not longer than `patience`.
    pub(super) fn pop(&self, patience: Duration) -> Popped<T> {
        let nothing_yet = |state: &mut State<T>| state.waiting.is_empty() && !state.is_closed;
        let (mut state, _) = self
            .changed
            .wait_timeout_while(self.lock(), patience, nothing_yet)
            .unwrap_or_else(PoisonError::into_inner);
        match state.waiting.pop_front() {
            Some(job) => Popped::Job(job),
            None if state.is_closed => Popped::End,
            None => Popped::Nothing,
        }
    }

    /// Learns how long a job took.
    pub(super) fn note(&self, took: Duration) {
        let mut state = self.lock();
        state.turn = (state.turn * (MEMORY - 1) + took) / MEMORY;
    }

    /// Lets the threads end once nothing waits.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn queue_of<T>(threads: u32, turn: Duration) -> Queue<T> {
        Queue::new(NonZero::new(threads).unwrap(), turn)
    }

    /// How many jobs it takes.
    fn room(queue: &Queue<()>) -> usize {
        (0..=MAX_LENGTH)
            .take_while(|_| queue.push(()).is_ok())
            .count()
    }

    #[test]
    fn it_takes_what_can_be_served_in_two_seconds() {
        let turn = Duration::from_millis(100);
        assert_eq!(room(&queue_of(1, turn)), 21);
        assert_eq!(room(&queue_of(4, turn)), 81);
        assert_eq!(room(&queue_of(1, MAX_WAIT * 2)), 1);
        assert_eq!(room(&queue_of(1, Duration::ZERO)), MAX_LENGTH);
    }

    #[test]
    fn who_is_refused_learns_how_long_it_would_have_been() {
        let queue = queue_of(2, Duration::from_secs(3));
        queue.push(()).unwrap();
        queue.push(()).unwrap();
        assert_eq!(queue.push(()), Err(Duration::from_secs(3)));
    }

    #[test]
    fn when_jobs_take_longer_fewer_may_wait() {
        let queue = queue_of(1, Duration::from_millis(100));
        for _ in 0..64 {
            queue.note(Duration::from_secs(1));
        }
        assert_eq!(room(&queue), 3);
    }

    #[test]
    fn jobs_come_out_in_turn_and_then_there_is_nothing() {
        let queue = queue_of(1, NOW);
        queue.push('a').unwrap();
        queue.push('b').unwrap();
        queue.close();
        let popped = [queue.pop(NOW), queue.pop(NOW), queue.pop(NOW)];
        assert_eq!(popped, [Popped::Job('a'), Popped::Job('b'), Popped::End]);
        assert_eq!(queue_of::<()>(1, NOW).pop(NOW), Popped::Nothing);
    }
}
