//! Metrics of the process itself, under the names that Prometheus' client libraries have for them.

use std::{fs, path::Path};

use holdfast_core::clock::{Clock as _, SystemClock};
use prometheus_client::{metrics::info::Info, registry::Registry};
use time::OffsetDateTime;

use crate::{CounterOf, GaugeOf, real};

/// Adds the metrics of this process: processor time, memory, file descriptors, time of its start, and the version of the program. They have no prefix.
pub fn register(registry: &mut Registry, version: &'static str) {
    registry.register(
        "build",
        "Version of the program",
        Info::new([("version", version)]),
    );
    let started = SystemClock.now() - OffsetDateTime::UNIX_EPOCH;
    let started = started.as_seconds_f64();
    GaugeOf::register(
        registry,
        "process_start_time_seconds",
        "Time of the start of the process, in seconds since 1970",
        move || Some(started),
    );
    registry.register_collector(Box::new(CounterOf {
        name: "process_cpu_seconds",
        help: "Processor time that the process has used, in user and system mode",
        value: cpu_seconds,
    }));
    GaugeOf::register(
        registry,
        "process_resident_memory_bytes",
        "Resident memory",
        || status("VmRSS:").map(|kib| kib * 1024.0),
    );
    GaugeOf::register(
        registry,
        "process_open_fds",
        "Open file descriptors",
        open_fds,
    );
    GaugeOf::register(
        registry,
        "process_max_fds",
        "Limit of open file descriptors",
        || {
            let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current?;
            Some(real(limit))
        },
    );
    GaugeOf::register(
        registry,
        "process_threads",
        "Threads of the process",
        || status("Threads:"),
    );
}

fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or_default();
    real(u64::try_from(time.tv_sec).unwrap_or_default()) + real(nanos) / 1e9
}

/// A number in `/proc/self/status`.
fn status(field: &str) -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

fn open_fds() -> Option<f64> {
    let entries = fs::read_dir(Path::new("/proc/self/fd")).ok()?;
    // The directory itself is one of them.
    let open = entries.count().saturating_sub(1);
    Some(real(u64::try_from(open).ok()?))
}
