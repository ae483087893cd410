//! Which requests without a parent are sampled.

use std::{fmt, str::FromStr};

use holdfast_core::split_mix::SplitMix64;
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

/// A ratio, and numbers for it: nothing secret depends on them.
pub(crate) struct Sampler {
    ratio: Ratio,
    numbers: SplitMix64,
}

impl Sampler {
    pub(crate) const fn new(ratio: Ratio, numbers: SplitMix64) -> Self {
        Self { ratio, numbers }
    }

    /// Whether the next request is sampled.
    pub(crate) fn sample(&self) -> bool {
        /// The upper bits of a random number are one from 0 to 1.
        const UNIT: f64 = 1.0 / 9_007_199_254_740_992.0;
        #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
        let random = (self.numbers.next() >> 11) as f64;
        random * UNIT < self.ratio.0
    }

    /// The context of a request that is not sampled.
    pub(crate) fn unsampled(&self) -> TraceParent {
        loop {
            let trace_id = u128::from(self.numbers.next()) << 64 | u128::from(self.numbers.next());
            if let Some(parent) = TraceParent::new(trace_id, self.numbers.next(), false) {
                return parent;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled_of_10_000(ratio: &str) -> usize {
        let sampler = Sampler::new(ratio.parse().unwrap(), SplitMix64::new(7));
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
        let sampler = Sampler::new(Ratio(1.0), SplitMix64::new(0));
        let (one, other) = (sampler.unsampled(), sampler.unsampled());
        assert!(!one.is_sampled());
        assert_ne!(one.trace_id(), other.trace_id());
    }
}
