//! Argon2id in a loop on some threads, the least that a login costs.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use argon2::{Algorithm, Argon2, Block, Params, Version};

/// The default parameters of auth-service.
const MEMORY_KIB: u32 = 19_456;
const ITERATIONS: u32 = 2;
const PARALLELISM: u32 = 1;

/// Prints `RESULT HASHES ELAPSED CPU P50 P99 PEAK`.
pub(crate) fn run(threads: u64, seconds: u64) -> anyhow::Result<()> {
    let cpu_before = cpu()?;
    let begun = Instant::now();
    let until = begun + Duration::from_secs(seconds);
    let running: Vec<_> = (0..threads)
        .map(|_| thread::spawn(move || hash_until(until)))
        .collect();
    let mut took = Vec::new();
    for thread in running {
        let part = thread.join().ok().context("a thread panicked")?;
        took.extend(part?);
    }
    let elapsed = begun.elapsed().as_micros();
    took.sort_unstable();
    let at = |percent: usize| {
        let took = took.get(took.len() * percent / 100);
        took.map_or(0, Duration::as_micros)
    };
    println!(
        "RESULT {} {elapsed} {} {} {} {}",
        took.len(),
        (cpu()? - cpu_before).as_micros(),
        at(50),
        at(99),
        peak()?
    );
    Ok(())
}

fn hash_until(until: Instant) -> anyhow::Result<Vec<Duration>> {
    let params = Params::new(MEMORY_KIB, ITERATIONS, PARALLELISM, Some(32))?;
    let mut memory = vec![Block::default(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut took = Vec::new();
    while Instant::now() < until {
        let begun = Instant::now();
        let mut output = [0; 32];
        argon2.hash_password_into_with_memory(
            b"correct horse battery staple",
            &[7; 16],
            &mut output,
            &mut memory,
        )?;
        took.push(begun.elapsed());
    }
    Ok(took)
}

/// CPU time so far, which the kernel counts in hundredths of a second.
fn cpu() -> anyhow::Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, rest) = stat.rsplit_once(") ").context("/proc/self/stat")?;
    let fields = rest.split(' ').skip(11).take(2).map(str::parse::<u64>);
    let ticks: u64 = fields.sum::<Result<_, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}

/// Largest resident memory so far, in KiB.
fn peak() -> anyhow::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.context("/proc/self/status")?.parse()?)
}
