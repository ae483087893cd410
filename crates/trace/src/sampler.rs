//! Which requests without a parent are sampled.

use std::{
    fmt,
    str::FromStr,
    sync::atomic::{AtomicU64, Ordering},
};

use thiserror::Error;

use crate::TraceParent;

/// The part of the requests that is sampled, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio(f64);

/// The text is no ratio.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be a number from 0 to 1, such as 0.01")]
pub struct InvalidRatio;

impl FromStr for Ratio {
    type Err = InvalidRatio;

    fn from_str(text: &str) -> Result<Self, InvalidRatio> {
        let ratio = text.parse().map_err(|_| InvalidRatio)?;
        if (0.0..=1.0).contains(&ratio) {
            Ok(Self(ratio))
        } else {
            Err(InvalidRatio)
        }
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A ratio, and random numbers for it (`SplitMix64`): nothing secret depends on them.
pub(crate) struct Sampler {
    ratio: Ratio,
    state: AtomicU64,
}

impl Sampler {
    pub(crate) const fn new(ratio: Ratio, seed: u64) -> Self {
        Self {
            ratio,
            state: AtomicU64::new(seed),
        }
    }

    /// Whether the next request is sampled.
    pub(crate) fn sample(&self) -> bool {
        /// The upper bits of a random number are one from 0 to 1.
        const UNIT: f64 = 1.0 / 9_007_199_254_740_992.0;
        #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
        let random = (self.random() >> 11) as f64;
        random * UNIT < self.ratio.0
    }

    /// The context of a request that is not sampled.
    pub(crate) fn unsampled(&self) -> TraceParent {
        loop {
            let trace_id = u128::from(self.random()) << 64 | u128::from(self.random());
            if let Some(parent) = TraceParent::new(trace_id, self.random(), false) {
                return parent;
            }
        }
    }

    fn random(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut bits = self.state.fetch_add(STEP, Ordering::Relaxed);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled_of_10_000(ratio: &str) -> usize {
        let sampler = Sampler::new(ratio.parse().unwrap(), 7);
        (0..10_000).filter(|_| sampler.sample()).count()
    }

    #[test]
    fn ratio_of_requests_is_sampled() {
        assert_eq!(sampled_of_10_000("0"), 0);
        assert_eq!(sampled_of_10_000("1"), 10_000);
        let sampled = sampled_of_10_000("0.01");
        assert!((50..200).contains(&sampled), "{sampled}");
    }

    #[test]
    fn ratio_outside_of_0_to_1_is_rejected() {
        for text in ["", "-0.1", "1.1", "NaN", "inf", "1%"] {
            assert_eq!(text.parse::<Ratio>(), Err(InvalidRatio), "{text}");
        }
    }

    #[test]
    fn unsampled_contexts_are_distinct() {
        let sampler = Sampler::new(Ratio(1.0), 0);
        let (one, other) = (sampler.unsampled(), sampler.unsampled());
        assert!(!one.is_sampled());
        assert_ne!(one.trace_id(), other.trace_id());
    }
}
