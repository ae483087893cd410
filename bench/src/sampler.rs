//! CPU time and Redis commands for each request.

use std::time::Duration;

use crate::{generator::LoadResult, load::Load, process::Server, redis};

/// Duration of the load before the first run that counts.
pub(super) const WARM_UP: Duration = Duration::from_secs(1);

/// Reads CPU time and Redis commands before and after a run.
pub(super) struct Sampler<'a> {
    /// Servers whose CPU time counts.
    pub(super) servers: Vec<&'a Server>,
    /// Port of the Redis whose commands count.
    pub(super) redis: Option<u16>,
}

/// The result of a run and its cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) load: LoadResult,
    /// CPU time for each request, in µs.
    pub(super) cpu_micros: f64,
    /// Redis commands for each request.
    pub(super) redis_commands: f64,
}

impl Sample {
    /// Requests in a second.
    pub(super) fn rate(&self) -> f64 {
        real(self.load.requests) / self.load.took.as_secs_f64()
    }

    pub(super) fn p50_millis(&self) -> f64 {
        self.load.p50.as_secs_f64() * 1e3
    }

    pub(super) fn p99_millis(&self) -> f64 {
        self.load.p99.as_secs_f64() * 1e3
    }

    /// CPU time for each request in µs, requests in a second, p50 and p99 in ms.
    pub(super) fn figures(&self) -> Vec<f64> {
        vec![
            self.cpu_micros,
            self.rate(),
            self.p50_millis(),
            self.p99_millis(),
        ]
    }
}

impl Sampler<'_> {
    /// Measures one run.
    pub(super) fn sample(
        &self,
        run: impl FnOnce() -> anyhow::Result<LoadResult>,
    ) -> anyhow::Result<Sample> {
        let (cpu_before, commands_before) = (self.cpu(), self.commands()?);
        let load = run()?;
        let requests = real(load.requests.max(1));
        let cpu = self.cpu().saturating_sub(cpu_before);
        let commands = self.commands()?.saturating_sub(commands_before);
        Ok(Sample {
            cpu_micros: cpu.as_secs_f64() * 1e6 / requests,
            redis_commands: real(commands) / requests,
            load,
        })
    }

    /// Measures several runs after a warm-up of connections, caches and just-in-time compilers.
    pub(super) fn samples(
        &self,
        load: &Load,
        (length, runs): (Duration, usize),
    ) -> anyhow::Result<Vec<Sample>> {
        load.run(WARM_UP)?;
        (0..runs)
            .map(|_| self.sample(|| load.run(length)))
            .collect()
    }

    pub(super) fn cpu(&self) -> Duration {
        self.servers.iter().map(|server| server.cpu()).sum()
    }

    fn commands(&self) -> anyhow::Result<u64> {
        self.redis.map_or(Ok(0), redis::commands)
    }
}

/// The median of each figure over several runs, which have the same number of figures.
pub(super) fn medians(runs: &[Vec<f64>]) -> Vec<f64> {
    let figures = runs.first().map_or(0, Vec::len);
    (0..figures)
        .map(|index| median(runs, |run| run.get(index).copied().unwrap_or_default()))
        .collect()
}

pub(super) fn median<T>(samples: &[T], of: impl Fn(&T) -> f64) -> f64 {
    let mut values: Vec<f64> = samples.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// A number as a floating-point figure; digits beyond the fifteenth are lost.
#[expect(
    clippy::cast_precision_loss,
    reason = "figures are rounded for the report"
)]
pub(super) const fn real(number: u64) -> f64 {
    number as f64
}

/// KiB as MiB.
pub(super) const fn mib(kib: u64) -> f64 {
    real(kib) / 1024.0
}
