//! Log lines on their way to somebody who may not read them.

use std::{
    collections::VecDeque,
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, ThreadId},
    time::Duration,
};

/// How many bytes of lines may wait.
const CAPACITY: usize = 1024 * 1024;

/// How soon it is tried again to write where the other end takes nothing now, but would not make the writer wait.
const TRY_AGAIN: Duration = Duration::from_millis(10);

/// A bounded queue of lines, which a thread of its own writes out. Whoever logs never waits: beyond the capacity lines are dropped and
/// counted. Clones are the same queue.
#[derive(Clone, Debug)]
pub(super) struct LineQueue(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    capacity: usize,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<Vec<u8>>,
    /// Of the lines that wait, and of those that are being written.
    bytes: usize,
    dropped: u64,
    writer: Option<ThreadId>,
}

impl LineQueue {
    /// A queue that is written to `output`. The thread calls `dropped` with the number of lines that were lost once others can be
    /// written again; what that logs is never dropped.
    pub(super) fn start(
        output: impl Write + Send + 'static,
        dropped: impl Fn(u64) + Send + 'static,
    ) -> io::Result<Self> {
        Self::with_capacity(CAPACITY, output, dropped)
    }

    fn with_capacity(
        capacity: usize,
        mut output: impl Write + Send + 'static,
        dropped: impl Fn(u64) + Send + 'static,
    ) -> io::Result<Self> {
        let queue = Self(Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            capacity,
        }));
        let own = queue.clone();
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || own.write_out(&mut output, &dropped))?;
        Ok(queue)
    }

    /// Takes a line, or drops it where too many wait.
    pub(super) fn push(&self, line: Vec<u8>) {
        let mut state = self.state();
        let is_writer = state.writer == Some(thread::current().id());
        if state.bytes + line.len() > self.0.capacity && !is_writer {
            state.dropped += 1;
            return;
        }
        state.bytes += line.len();
        state.lines.push_back(line);
        self.0.changed.notify_all();
    }

    /// Waits until every line is written, but not longer than `patience`.
    pub(super) fn flush(&self, patience: Duration) {
        let waited = self
            .0
            .changed
            .wait_timeout_while(self.state(), patience, |state| state.bytes > 0);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn write_out(&self, output: &mut impl Write, dropped: &impl Fn(u64)) {
        self.state().writer = Some(thread::current().id());
        loop {
            let lines = self.wait_for_lines();
            let mut written = 0;
            for line in &lines {
                match write_all(output, line) {
                    Ok(()) => written += 1,
                    Err(_) => self.state().dropped += 1,
                }
            }
            // Where nothing can be written, a line about that is lost, too.
            if written > 0 {
                let lost = mem::take(&mut self.state().dropped);
                if lost > 0 {
                    dropped(lost);
                }
            }
            // At last, so that a flush waits for that line, too.
            self.state().bytes -= lines.iter().map(Vec::len).sum::<usize>();
            self.0.changed.notify_all();
        }
    }

    fn wait_for_lines(&self) -> VecDeque<Vec<u8>> {
        let waited = self
            .0
            .changed
            .wait_while(self.state(), |state| state.lines.is_empty());
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        mem::take(&mut state.lines)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Also where the descriptor was made non-blocking by the process that it is shared with.
fn write_all(output: &mut impl Write, mut line: &[u8]) -> io::Result<()> {
    while !line.is_empty() {
        match output.write(line) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => line = line.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(TRY_AGAIN),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead as _, BufReader, PipeReader, pipe},
        sync::OnceLock,
        time::Instant,
    };

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    /// A queue into a pipe that nobody reads yet, and its other end. It says itself what was dropped.
    fn queue(capacity: usize) -> (LineQueue, PipeReader) {
        let (reader, writer) = pipe().unwrap();
        let own = Arc::new(OnceLock::<LineQueue>::new());
        let reported = own.clone();
        let queue = LineQueue::with_capacity(capacity, writer, move |dropped| {
            let line = format!("dropped {dropped}\n");
            reported.wait().push(line.into_bytes());
        });
        let queue = queue.unwrap();
        own.set(queue.clone()).unwrap();
        (queue, reader)
    }

    #[test]
    fn full_pipe_holds_nobody_up_and_lost_lines_are_counted() {
        const LINES: usize = 10_000;
        let (queue, reader) = queue(64 * 1024);
        let line = [vec![b'x'; 99], vec![b'\n']].concat();
        for _ in 0..LINES {
            queue.push(line.clone());
        }
        assert!(queue.state().bytes <= 64 * 1024);
        let begun = Instant::now();
        queue.flush(Duration::from_millis(50));
        assert!(begun.elapsed() < PATIENCE, "it gives up");

        let (mut kept, mut dropped) = (0, 0);
        for line in BufReader::new(reader).lines() {
            match line.unwrap().strip_prefix("dropped ") {
                Some(count) => dropped += count.parse::<usize>().unwrap(),
                None => kept += 1,
            }
            if kept + dropped == LINES {
                break;
            }
        }
        assert!(kept > 0 && dropped > 0);
    }

    #[test]
    fn flush_waits_until_everything_is_written() {
        let (queue, reader) = queue(CAPACITY);
        let lines = thread::spawn(|| {
            let lines = BufReader::new(reader).lines();
            lines.take(3).map(Result::unwrap).collect::<Vec<_>>()
        });
        for line in ["one\n", "two\n", "three\n"] {
            queue.push(line.into());
        }
        queue.flush(PATIENCE);
        assert_eq!(queue.state().bytes, 0);
        assert_eq!(lines.join().unwrap(), ["one", "two", "three"]);
    }

    #[test]
    fn closed_pipe_ends_nothing() {
        let (queue, reader) = queue(CAPACITY);
        drop(reader);
        queue.push(b"nobody\n".to_vec());
        queue.push(b"nobody\n".to_vec());
        queue.flush(Duration::from_millis(50));
    }
}
