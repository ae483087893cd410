//! What a hashing thread does, and the memory it does it in.

use std::time::{Duration, Instant};

use allocator_api2::vec::Vec;
use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{PasswordHash as Phc, Salt},
};
use holdfast_identity::account::{HasherError, Password};
use hugealloc::HugeAlloc;
use tokio::sync::oneshot;

use crate::{
    argon2id::{
        OUTPUT_LENGTH, broken, overloaded, phc,
        queue::{MAX_WAIT, Popped, Queue},
    },
    thread_priority::lower_thread_priority,
};

/// How long a thread without work keeps its memory.
const KEEP_MEMORY: Duration = Duration::from_secs(5);

/// Of huge pages, where Linux has some for who asks: Argon2id reads its memory in no order, and needs a fifteenth less time so.
/// Made and dropped, never shrunk: `hugealloc` 0.1.1 gives memory that becomes small back as if it had not been aligned to huge pages.
type Memory = Vec<Block, HugeAlloc>;

/// With glibc, an allocation above 32 MiB is always a mapping of its own, which goes back to the system when it is freed;
/// a smaller one may stay in the heap for good. What is not used of it takes no memory, but for the rest of a page.
const OWN_MAPPING: usize = 33 * 1024;

/// Work that somebody waits for.
pub(super) struct Job {
    pub(super) work: Work,
    pub(super) since: Instant,
    pub(super) answer: oneshot::Sender<Result<Phc, HasherError>>,
}

/// Hash `password` with these parameters and this salt.
pub(super) struct Work {
    pub(super) password: Password,
    pub(super) params: Params,
    pub(super) salt: Salt,
}

/// What one thread does all its life. Its memory is kept from one hash to the next while there are some.
pub(super) fn work_on(queue: &Queue<Job>) {
    // Whoever asks for a token's validity does not feel how many sign in.
    lower_thread_priority();
    let mut memory = Memory::new_in(HugeAlloc);
    loop {
        match queue.pop(KEEP_MEMORY) {
            Popped::Job(job) => job.serve(queue, &mut memory),
            Popped::Nothing => memory = Memory::new_in(HugeAlloc),
            Popped::End => return,
        }
    }
}

impl Job {
    fn serve(self, queue: &Queue<Self>, memory: &mut Memory) {
        let waited = self.since.elapsed();
        if waited > MAX_WAIT {
            let _ = self.answer.send(Err(overloaded(waited)));
        } else if !self.answer.is_closed() {
            let begun = Instant::now();
            let outcome = self.work.run(memory);
            queue.note(begun.elapsed());
            let _ = self.answer.send(outcome);
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
        .try_reserve_exact(blocks.max(OWN_MAPPING))
        .map_err(broken)?;
    memory.resize(blocks, Block::default());
    Ok(())
}
