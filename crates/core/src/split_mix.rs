//! A generator of numbers that are not secret.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::random::Random;

/// `SplitMix64` (Steele, Lea and Flood, 2014), which repeats no number within 2⁶⁴. For what must be distinct or spread evenly, and may be
/// predictable.
#[derive(Debug)]
pub struct SplitMix64(AtomicU64);

impl SplitMix64 {
    /// A generator with this state.
    #[must_use]
    pub const fn new(state: u64) -> Self {
        Self(AtomicU64::new(state))
    }

    /// A generator with a random state.
    #[must_use]
    pub fn seeded_by(random: &dyn Random) -> Self {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        Self::new(u64::from_le_bytes(bytes))
    }

    /// The next number.
    pub fn next(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut bits = self.0.fetch_add(STEP, Ordering::Relaxed);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn numbers_are_distinct() {
        let numbers = SplitMix64::new(0);
        let some: HashSet<_> = (0..10_000).map(|_| numbers.next()).collect();
        assert_eq!(some.len(), 10_000);
    }
}
