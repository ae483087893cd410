//! What it costs to answer.

use std::time::Duration;

use crate::{
    load::{Answered, Load},
    process::Server,
    redis,
};

/// How long something is asked before that counts.
pub(super) const WARM_UP: Duration = Duration::from_secs(1);

/// Whose processor time counts, and whose commands.
pub(super) struct Meter<'a> {
    pub(super) servers: Vec<&'a Server>,
    pub(super) redis: Option<u16>,
}

/// A run with what it cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) answered: Answered,
    pub(super) cpu_micros: f64,
    pub(super) redis_commands: f64,
}

impl Sample {
    pub(super) fn rate(&self) -> f64 {
        real(self.answered.requests) / self.answered.took.as_secs_f64()
    }

    pub(super) fn p50_millis(&self) -> f64 {
        self.answered.p50.as_secs_f64() * 1e3
    }

    pub(super) fn p99_millis(&self) -> f64 {
        self.answered.p99.as_secs_f64() * 1e3
    }

    /// CPU for each answer in µs, answers in a second, p50 and p99 in ms.
    pub(super) fn figures(&self) -> Vec<f64> {
        vec![
            self.cpu_micros,
            self.rate(),
            self.p50_millis(),
            self.p99_millis(),
        ]
    }
}

impl Meter<'_> {
    /// One run.
    pub(super) fn sample(
        &self,
        run: impl FnOnce() -> anyhow::Result<Answered>,
    ) -> anyhow::Result<Sample> {
        let (cpu_before, commands_before) = (self.cpu(), self.commands()?);
        let answered = run()?;
        let requests = real(answered.requests.max(1));
        let cpu = self.cpu().saturating_sub(cpu_before);
        let commands = self.commands()?.saturating_sub(commands_before);
        Ok(Sample {
            cpu_micros: cpu.as_secs_f64() * 1e6 / requests,
            redis_commands: real(commands) / requests,
            answered,
        })
    }

    /// Several, after one that warms up: connections, caches and compilers.
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

/// Of each figure, over runs that have as many.
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

/// For people, who do not mind the fifteenth digit.
#[expect(clippy::cast_precision_loss, reason = "these are for people")]
pub(super) const fn real(number: u64) -> f64 {
    number as f64
}

/// KiB as MiB.
pub(super) const fn mib(kib: u64) -> f64 {
    real(kib) / 1024.0
}
