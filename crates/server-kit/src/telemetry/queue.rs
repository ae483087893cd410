//! A queue of log lines, which is written by a separate thread, as standard error may not be read.

use std::{
    collections::VecDeque,
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, ThreadId},
    time::Duration,
};

/// Maximum size of the queued lines, in bytes.
const CAPACITY: usize = 1024 * 1024;

/// Time after which a write to a full, non-blocking descriptor is repeated.
const RETRY_INTERVAL: Duration = Duration::from_millis(10);

/// A bounded queue of lines. Adding a line never blocks: beyond the capacity, lines are dropped and counted. Clones share the queue.
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
    /// The size of the lines that are queued or being written.
    bytes: usize,
    dropped: u64,
    writer: Option<ThreadId>,
}

impl LineQueue {
    /// Starts the thread that writes to `output`. It calls `dropped` with the number of dropped lines when lines can be written again. Lines
    /// that this call logs are never dropped.
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
        let writer = queue.clone();
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writer.write_out(&mut output, &dropped))?;
        Ok(queue)
    }

    /// Queues a line, or drops it where the queue is full.
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

    /// Waits up to `timeout` until every line is written.
    pub(super) fn flush(&self, timeout: Duration) {
        let waited = self
            .0
            .changed
            .wait_timeout_while(self.state(), timeout, |state| state.bytes > 0);
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
            // While nothing can be written, a line about it would be lost, too.
            if written > 0 {
                let count = mem::take(&mut self.state().dropped);
                if count > 0 {
                    dropped(count);
                }
            }
            // After that call, so that a flush waits for its line.
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

/// Writes a whole line, also to a descriptor that another process has made non-blocking.
fn write_all(output: &mut impl Write, mut line: &[u8]) -> io::Result<()> {
    while !line.is_empty() {
        match output.write(line) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => line = line.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                thread::sleep(RETRY_INTERVAL);
            }
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

    const TIMEOUT: Duration = Duration::from_secs(10);

    /// A queue that writes into a pipe, and the reader of that pipe. Dropped lines are reported by a line.
    fn queue(capacity: usize) -> (LineQueue, PipeReader) {
        let (reader, writer) = pipe().unwrap();
        let cell = Arc::new(OnceLock::<LineQueue>::new());
        let reporter = cell.clone();
        let queue = LineQueue::with_capacity(capacity, writer, move |dropped| {
            let line = format!("dropped {dropped}\n");
            reporter.wait().push(line.into_bytes());
        });
        let queue = queue.unwrap();
        cell.set(queue.clone()).unwrap();
        (queue, reader)
    }

    #[test]
    fn full_pipe_does_not_block_and_dropped_lines_are_counted() {
        const LINES: usize = 10_000;
        let (queue, reader) = queue(64 * 1024);
        let line = [vec![b'x'; 99], vec![b'\n']].concat();
        for _ in 0..LINES {
            queue.push(line.clone());
        }
        assert!(queue.state().bytes <= 64 * 1024);
        let started = Instant::now();
        queue.flush(Duration::from_millis(50));
        assert!(started.elapsed() < TIMEOUT, "flush ends");

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
        queue.flush(TIMEOUT);
        assert_eq!(queue.state().bytes, 0);
        assert_eq!(lines.join().unwrap(), ["one", "two", "three"]);
    }

    #[test]
    fn closed_pipe_does_not_block() {
        let (queue, reader) = queue(CAPACITY);
        drop(reader);
        queue.push(b"line\n".to_vec());
        queue.push(b"line\n".to_vec());
        queue.flush(Duration::from_millis(50));
    }
}
