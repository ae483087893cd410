//! Password hashing with Argon2id (RFC 9106), on separate threads of lower priority, which bounds its use of processors and memory.

mod metrics;
mod queue;
mod worker;

use std::{
    io,
    num::NonZero,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use argon2::{
    Algorithm, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash as Phc, Salt},
};
use async_trait::async_trait;
use aws_lc_rs::constant_time;
use holdfast_core::random::Random;
use holdfast_identity::account::{HasherError, Password, PasswordHash, PasswordHasher};
use holdfast_trace::child_span;
use tokio::sync::oneshot;
use tracing::Instrument as _;

pub use self::metrics::register;
use self::{
    queue::Queue,
    worker::{Job, Work, work_on},
};

/// Approximate time of one pass over a KiB of memory, from which the queue starts before it has measured.
const SERVICE_TIME_PER_BLOCK: Duration = Duration::from_nanos(600);

/// Minimum time after which a rejected caller is asked to retry.
const MIN_RETRY_AFTER: Duration = Duration::from_secs(1);
const SALT_LENGTH: usize = 16;
const OUTPUT_LENGTH: usize = 32;

/// The cost parameters of Argon2id (RFC 9106 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory of one hash, in KiB.
    pub memory: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

impl Cost {
    /// Whether the cost is below what OWASP's Password Storage Cheat Sheet recommends: 46 MiB in one pass, 19 MiB in two, … 7 MiB in
    /// five.
    #[must_use]
    pub const fn is_weak(self) -> bool {
        const MIN_MEMORY: u32 = 7 * 1024;
        const MIN_WORK: u32 = 5 * MIN_MEMORY;
        self.memory < MIN_MEMORY || self.memory.saturating_mul(self.iterations) < MIN_WORK
    }

    /// Checks that the algorithm is defined for these parameters, such as at least 8 KiB for each lane.
    ///
    /// # Errors
    /// Which parameter is out of range, in words.
    pub fn validate(self) -> Result<(), String> {
        self.params().map(drop).map_err(|why| why.to_string())
    }

    fn params(self) -> Result<Params, argon2::Error> {
        Params::new(
            self.memory,
            self.iterations,
            self.parallelism,
            Some(OUTPUT_LENGTH),
        )
    }
}

/// A queue of passwords, and the threads that hash them.
pub struct Argon2id {
    queue: Arc<Queue<Job>>,
    params: Params,
    random: Arc<dyn Random>,
    decoy: PasswordHash,
}

impl Argon2id {
    /// Starts this number of threads, and creates the decoy hash, with the same cost as every new hash.
    ///
    /// # Errors
    /// When the cost is out of range, or a thread cannot be started.
    pub fn start(cost: Cost, threads: NonZero<u32>, random: Arc<dyn Random>) -> io::Result<Self> {
        let params = cost.params().map_err(io::Error::other)?;
        let pool = Self::idle(params, threads, random).map_err(io::Error::other)?;
        for index in 0..threads.get() {
            let queue = Arc::clone(&pool.queue);
            thread::Builder::new()
                .name(format!("argon2id-{index}"))
                .spawn(move || work_on(&queue))?;
        }
        Ok(pool)
    }

    /// An instance without threads.
    fn idle(
        params: Params,
        threads: NonZero<u32>,
        random: Arc<dyn Random>,
    ) -> Result<Self, HasherError> {
        let blocks = params.m_cost().saturating_mul(params.t_cost());
        let decoy = decoy(&params, &*random)?;
        Ok(Self {
            queue: Arc::new(Queue::new(threads, SERVICE_TIME_PER_BLOCK * blocks)),
            params,
            random,
            decoy,
        })
    }

    async fn run(&self, work: Work) -> Result<Phc, HasherError> {
        let (sender, result) = oneshot::channel();
        let job = Job {
            work,
            queued_at: Instant::now(),
            result: sender,
        };
        self.queue.push(job).map_err(|wait| {
            metrics::REFUSED.inc();
            overloaded(wait)
        })?;
        let result = result.instrument(child_span!("password hash")).await;
        result.map_err(|_| broken("a hashing thread ended"))?
    }
}

impl Drop for Argon2id {
    fn drop(&mut self) {
        self.queue.close();
    }
}

fn overloaded(wait: Duration) -> HasherError {
    HasherError::Overloaded {
        retry_after: wait.max(MIN_RETRY_AFTER),
    }
}

#[async_trait]
impl PasswordHasher for Argon2id {
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HasherError> {
        let work = Work {
            password: password.clone(),
            params: self.params.clone(),
            salt: salt(&*self.random)?,
        };
        Ok(PasswordHash::from_phc(self.run(work).await?.to_string()))
    }

    async fn verify(
        &self,
        password: &Password,
        hash: Option<&PasswordHash>,
    ) -> Result<bool, HasherError> {
        let is_known = hash.is_some();
        let expected = Phc::new(hash.unwrap_or(&self.decoy).as_phc()).map_err(broken)?;
        let work = Work {
            password: password.clone(),
            params: Params::try_from(&expected).map_err(broken)?,
            salt: expected.salt.ok_or_else(|| broken("no salt"))?,
        };
        let computed = self.run(work).await?;
        Ok(is_known & same_output(&computed, &expected))
    }

    fn is_outdated(&self, hash: &PasswordHash) -> bool {
        let work = |params: &Params| u64::from(params.m_cost()) * u64::from(params.t_cost());
        let stored = Phc::new(hash.as_phc()).ok();
        let stored = stored.and_then(|stored| Params::try_from(&stored).ok());
        stored.is_some_and(|stored| work(&stored) < work(&self.params))
    }
}

fn same_output(computed: &Phc, expected: &Phc) -> bool {
    let bytes = |hash: &Phc| hash.hash.map(|output| output.as_bytes().to_vec());
    match (bytes(computed), bytes(expected)) {
        (Some(left), Some(right)) => constant_time::verify_slices_are_equal(&left, &right).is_ok(),
        _ => false,
    }
}

/// The decoy hash: the current cost and a random output, so that no password matches it and no hashing is needed.
fn decoy(params: &Params, random: &dyn Random) -> Result<PasswordHash, HasherError> {
    let mut output = [0; OUTPUT_LENGTH];
    random.fill(&mut output);
    let hash = phc(params, salt(random)?, &output)?;
    Ok(PasswordHash::from_phc(hash.to_string()))
}

fn phc(params: &Params, salt: Salt, output: &[u8]) -> Result<Phc, HasherError> {
    Ok(Phc {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).map_err(broken)?,
        salt: Some(salt),
        hash: Some(Output::new(output).map_err(broken)?),
    })
}

fn salt(random: &dyn Random) -> Result<Salt, HasherError> {
    let mut bytes = [0; SALT_LENGTH];
    random.fill(&mut bytes);
    Salt::new(&bytes).map_err(broken)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "errors are passed on by map_err"
)]
fn broken(why: impl ToString) -> HasherError {
    HasherError::Broken(why.to_string())
}

#[cfg(test)]
mod tests;
