//! A hashing thread and its memory.

use std::time::{Duration, Instant};

use allocator_api2::vec::Vec;
use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{PasswordHash as Phc, Salt},
};
use holdfast_identity::account::{HasherError, Password};
use holdfast_metrics::observe;
use hugealloc::HugeAlloc;
use tokio::sync::oneshot;

use crate::{
    argon2id::{
        OUTPUT_LENGTH, broken, metrics, overloaded, phc,
        queue::{MAX_WAIT, Popped, Queue},
    },
    thread_priority::lower_thread_priority,
};

/// Time after which a thread without work frees its memory.
const KEEP_MEMORY: Duration = Duration::from_secs(5);

/// Memory in huge pages, where Linux provides them on request: Argon2id accesses memory at random, and takes 6 to 7 % less time.
/// Allocated and dropped, but never shrunk: `hugealloc` 0.1.1 deallocates memory that was shrunk with the wrong alignment.
type Memory = Vec<Block, HugeAlloc>;

/// Minimum allocation, in blocks of 1 KiB. glibc maps an allocation above 32 MiB separately and returns it to the system when it is freed; a
/// smaller one may stay in the heap. Pages that are not used take no memory.
const MIN_ALLOCATION: usize = 33 * 1024;

/// Work, and where its result is sent.
pub(super) struct Job {
    pub(super) work: Work,
    pub(super) queued_at: Instant,
    pub(super) result: oneshot::Sender<Result<Phc, HasherError>>,
}

/// A password to hash, with parameters and salt.
pub(super) struct Work {
    pub(super) password: Password,
    pub(super) params: Params,
    pub(super) salt: Salt,
}

/// Hashes the passwords of a queue until it is closed. The memory is reused between hashes.
pub(super) fn work_on(queue: &Queue<Job>) {
    // Token checks take precedence over sign-ins.
    lower_thread_priority();
    let mut memory = Memory::new_in(HugeAlloc);
    loop {
        match queue.pop(KEEP_MEMORY) {
            Popped::Job(job) => job.serve(queue, &mut memory),
            Popped::Timeout => memory = Memory::new_in(HugeAlloc),
            Popped::Closed => return,
        }
    }
}

impl Job {
    fn serve(self, queue: &Queue<Self>, memory: &mut Memory) {
        let waited = self.queued_at.elapsed();
        observe(&metrics::WAITS, waited);
        if waited > MAX_WAIT {
            metrics::REFUSED.inc();
            let _ = self.result.send(Err(overloaded(waited)));
        } else if !self.result.is_closed() {
            let started = Instant::now();
            let result = self.work.run(memory);
            let took = started.elapsed();
            queue.record(took);
            observe(&metrics::HASHES, took);
            let _ = self.result.send(result);
        }
    }
}

impl Work {
    fn run(self, memory: &mut Memory) -> Result<Phc, HasherError> {
        let blocks = self.params.block_count();
        if memory.len() < blocks {
            grow(memory, blocks)?;
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

fn grow(memory: &mut Memory, blocks: usize) -> Result<(), HasherError> {
    *memory = Memory::new_in(HugeAlloc);
    memory
        .try_reserve_exact(blocks.max(MIN_ALLOCATION))
        .map_err(broken)?;
    memory.resize(blocks, Block::default());
    Ok(())
}
