//! The source of randomness.

use holdfast_core::random::Random;

/// The random number generator of the cryptographic library, seeded by the kernel.
#[derive(Clone, Copy, Debug)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        #[expect(clippy::expect_used, reason = "nothing is secure without randomness")]
        aws_lc_rs::rand::fill(bytes).expect("the random number generator failed");
    }
}
