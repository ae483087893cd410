//! The machine's own clock and randomness.

use time::OffsetDateTime;

use crate::domain::ports::{Clock, Random};

/// The system clock, in whole milliseconds: what is stored is what was said.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock port")]
    fn now(&self) -> OffsetDateTime {
        let now = OffsetDateTime::now_utc();
        now.truncate_to_millisecond()
    }
}

/// The random number generator of the cryptographic library, seeded by the kernel.
#[derive(Clone, Copy, Debug)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        #[expect(clippy::expect_used, reason = "without randomness nothing may go on")]
        aws_lc_rs::rand::fill(bytes).expect("the random number generator failed");
    }
}
