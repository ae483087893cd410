//! Argon2id on threads of its own, so that password checks take no more cores and memory than they were given and never
//! stand in the way of anything else.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash as Phc, Salt},
};
use async_trait::async_trait;
use aws_lc_rs::constant_time;
use tokio::sync::oneshot;

use crate::domain::{
    password::{Password, PasswordHash},
    ports::{HasherError, PasswordHasher, Random},
};

/// How long a password may wait for its turn.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// How many may wait for each thread; at some 25 ms a hash, more could not be served within [`MAX_WAIT`].
const QUEUE_PER_THREAD: usize = 64;

const RETRY_AFTER: Duration = Duration::from_secs(1);
const SALT_LENGTH: usize = 16;
const OUTPUT_LENGTH: usize = 32;

/// What a hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory: u32,
    /// Passes over it.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

impl Cost {
    /// Whether it is below what OWASP's Password Storage Cheat Sheet recommends: 46 MiB once, 19 MiB twice, … 7 MiB five
    /// times.
    #[must_use]
    pub const fn is_weak(self) -> bool {
        const LEAST_MEMORY: u32 = 7 * 1024;
        const LEAST_WORK: u32 = 5 * LEAST_MEMORY;
        self.memory < LEAST_MEMORY || self.memory.saturating_mul(self.iterations) < LEAST_WORK
    }

    /// Checks that the algorithm can work with it.
    ///
    /// # Errors
    /// What is out of range.
    pub fn params(self) -> Result<Params, argon2::Error> {
        Params::new(
            self.memory,
            self.iterations,
            self.parallelism,
            Some(OUTPUT_LENGTH),
        )
    }
}

/// A pool of threads that hash.
pub struct Argon2id {
    queue: SyncSender<Job>,
    params: Params,
    random: Arc<dyn Random>,
    decoy: PasswordHash,
}

struct Job {
    work: Work,
    since: Instant,
    answer: oneshot::Sender<Result<Phc, HasherError>>,
}

/// Hash `password` with these parameters and this salt.
struct Work {
    password: Password,
    params: Params,
    salt: Salt,
}

/// What waits for a thread; each takes the next one when it is free.
type Jobs = Arc<Mutex<Receiver<Job>>>;

impl Argon2id {
    /// Starts `threads` threads. The decoy for unknown names is made here, with the same parameters as every new hash.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(params: Params, threads: usize, random: Arc<dyn Random>) -> io::Result<Self> {
        let capacity = threads.saturating_mul(QUEUE_PER_THREAD);
        let (pool, jobs) = Self::idle(params, capacity, random).map_err(io::Error::other)?;
        for index in 0..threads {
            let jobs = Arc::clone(&jobs);
            thread::Builder::new()
                .name(format!("argon2id-{index}"))
                .spawn(move || work_on(&jobs))?;
        }
        Ok(pool)
    }

    /// A pool that no thread works for yet.
    fn idle(
        params: Params,
        capacity: usize,
        random: Arc<dyn Random>,
    ) -> Result<(Self, Jobs), HasherError> {
        let (queue, jobs) = sync_channel(capacity);
        let decoy = decoy(&params, &*random)?;
        let pool = Self {
            queue,
            params,
            random,
            decoy,
        };
        Ok((pool, Arc::new(Mutex::new(jobs))))
    }

    async fn run(&self, work: Work) -> Result<Phc, HasherError> {
        let (answer, answered) = oneshot::channel();
        let job = Job {
            work,
            since: Instant::now(),
            answer,
        };
        self.queue.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => OVERLOADED,
            TrySendError::Disconnected(_) => broken("the hashing threads have ended"),
        })?;
        answered
            .await
            .map_err(|_| broken("a hashing thread ended"))?
    }
}

const OVERLOADED: HasherError = HasherError::Overloaded {
    retry_after: RETRY_AFTER,
};

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
        let known = hash.is_some();
        let expected = Phc::new(hash.unwrap_or(&self.decoy).as_phc()).map_err(broken)?;
        let work = Work {
            password: password.clone(),
            params: Params::try_from(&expected).map_err(broken)?,
            salt: expected.salt.ok_or_else(|| broken("no salt"))?,
        };
        let computed = self.run(work).await?;
        Ok(known & same_output(&computed, &expected))
    }
}

fn same_output(computed: &Phc, expected: &Phc) -> bool {
    let bytes = |hash: &Phc| hash.hash.map(|output| output.as_bytes().to_vec());
    match (bytes(computed), bytes(expected)) {
        (Some(left), Some(right)) => constant_time::verify_slices_are_equal(&left, &right).is_ok(),
        _ => false,
    }
}

/// What one thread does all its life. Its memory is kept from one hash to the next.
fn work_on(jobs: &Mutex<Receiver<Job>>) {
    let mut memory = Vec::new();
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        if job.since.elapsed() > MAX_WAIT {
            let _ = job.answer.send(Err(OVERLOADED));
        } else if !job.answer.is_closed() {
            let _ = job.answer.send(job.work.run(&mut memory));
        }
    }
}

impl Work {
    fn run(self, memory: &mut Vec<Block>) -> Result<Phc, HasherError> {
        let blocks = self.params.block_count();
        if memory.len() < blocks {
            memory
                .try_reserve_exact(blocks - memory.len())
                .map_err(broken)?;
            memory.resize(blocks, Block::default());
        }
        let mut output = [0; OUTPUT_LENGTH];
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone());
        let memory = memory.get_mut(..blocks).unwrap_or_default();
        argon2
            .hash_password_into_with_memory(self.password.expose(), &self.salt, &mut output, memory)
            .map_err(broken)?;
        phc(&self.params, self.salt, &output)
    }
}

/// A hash of nobody's password: it has live parameters and a random output, and takes no time to make.
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
#[path = "argon2id_tests.rs"]
mod tests;
