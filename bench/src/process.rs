//! A server process with its children: CPU time and memory, from `/proc`.

use std::{
    collections::HashMap,
    fs,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use rustix::process::{Pid, Signal, kill_process};

const START_DEADLINE: Duration = Duration::from_mins(1);
const STOP_DEADLINE: Duration = Duration::from_secs(20);
pub(super) const PAUSE: Duration = Duration::from_millis(1);

/// A running server. Dropped, it is stopped.
pub(super) struct Server {
    child: Child,
    started: Instant,
    /// Time from the start of the process until it was ready; zero before.
    pub(super) cold_start: Duration,
}

impl Server {
    /// Starts the server and waits until `is_ready`.
    pub(super) fn start(
        command: &mut Command,
        is_ready: impl Fn() -> bool,
    ) -> anyhow::Result<Self> {
        Self::spawn(command)?.wait_ready(is_ready)
    }

    /// Starts the server.
    pub(super) fn spawn(command: &mut Command) -> anyhow::Result<Self> {
        let started = Instant::now();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        Ok(Self {
            child,
            started,
            cold_start: Duration::ZERO,
        })
    }

    /// Waits until `is_ready`.
    pub(super) fn wait_ready(mut self, is_ready: impl Fn() -> bool) -> anyhow::Result<Self> {
        while !self.poll_ready(&is_ready)? {
            thread::sleep(PAUSE);
        }
        Ok(self)
    }

    /// Whether the server is ready now, or was before. The first success ends the measurement of its start.
    pub(super) fn poll_ready(&mut self, is_ready: impl Fn() -> bool) -> anyhow::Result<bool> {
        if self.cold_start.is_zero() && is_ready() {
            self.cold_start = self.started.elapsed();
        }
        if self.cold_start.is_zero() {
            let is_late = self.started.elapsed() > START_DEADLINE;
            ensure!(!is_late, "the server is not ready in time");
            ensure!(
                self.child.try_wait()?.is_none(),
                "the server ended during its start"
            );
        }
        Ok(!self.cold_start.is_zero())
    }

    /// CPU time of the process and its descendants so far.
    pub(super) fn cpu(&self) -> Duration {
        let ticks: u64 = self
            .tree()
            .into_iter()
            .map(|pid| ticks(pid).unwrap_or(0))
            .sum();
        // The kernel counts in hundredths of a second.
        Duration::from_millis(ticks * 10)
    }

    /// Resident memory of the process and its descendants, in KiB.
    pub(super) fn resident(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// Largest resident memory so far, in KiB.
    pub(super) fn peak(&self) -> u64 {
        self.memory("VmHWM:")
    }

    fn memory(&self, field: &str) -> u64 {
        let of = |pid| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix(field))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        self.tree().into_iter().filter_map(of).sum()
    }

    /// The ids of the process and all its descendants.
    fn tree(&self) -> Vec<u32> {
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        for pid in entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()) {
            if let Some(parent) = field(pid, 1) {
                let parent = u32::try_from(parent).unwrap_or(0);
                children.entry(parent).or_default().push(pid);
            }
        }
        let mut tree = vec![self.child.id()];
        let mut next = 0;
        while let Some(pid) = tree.get(next).copied() {
            tree.extend(children.remove(&pid).unwrap_or_default());
            next += 1;
        }
        tree
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = kill_process(pid, Signal::TERM);
        }
        let started = Instant::now();
        while started.elapsed() < STOP_DEADLINE && matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(PAUSE);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A field of `/proc/PID/stat`, counted from the state: 1 is the parent, 11 and 12 are user and system time.
fn field(pid: u32, index: usize) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(index)?.parse().ok()
}

fn ticks(pid: u32) -> Option<u64> {
    Some(field(pid, 11)? + field(pid, 12)?)
}
