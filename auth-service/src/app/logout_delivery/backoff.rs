//! Pauses between attempts.

use std::time::Duration;

use holdfast_core::split_mix::SplitMix64;

/// Pause after the first failed attempt.
const FIRST: Duration = Duration::from_secs(1);

/// Maximum pause between two attempts to deliver one end.
pub(super) const MAX_DELIVERY_PAUSE: Duration = Duration::from_mins(5);

/// Maximum time for which a relying party that fails is sent nothing.
pub(super) const MAX_RECEIVER_PAUSE: Duration = Duration::from_secs(30);

/// The pause after this many failed attempts in succession: from half of to the whole of a time that doubles each time, up to `max`.
pub(super) fn pause_after(failures: u32, max: Duration, random: &SplitMix64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let pause = (FIRST * 2_u32.pow(doublings)).min(max);
    let half = pause / 2;
    let millis = u64::try_from(half.as_millis()).unwrap_or(u64::MAX);
    half + Duration::from_millis(random.next() % (millis + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pause_doubles_up_to_its_maximum_with_jitter() {
        let random = SplitMix64::new(7);
        for (failures, whole) in [(1, 1), (2, 2), (3, 4), (9, 256), (10, 300), (u32::MAX, 300)] {
            let whole = Duration::from_secs(whole);
            let pauses = (0..200).map(|_| pause_after(failures, MAX_DELIVERY_PAUSE, &random));
            let pauses: Vec<_> = pauses.collect();
            assert!(
                pauses
                    .iter()
                    .all(|pause| (whole / 2..=whole).contains(pause))
            );
            assert!(pauses.iter().any(|pause| *pause < whole * 3 / 4));
            assert!(pauses.iter().any(|pause| *pause > whole * 3 / 4));
        }
    }
}
