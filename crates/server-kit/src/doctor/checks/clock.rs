//! The difference between two clocks.

use holdfast_core::clock::ClockReading;
use time::Duration;

use crate::doctor::{Check, Finding};

/// The largest difference that is accepted: that of `clock.skewed` in the log.
pub(super) const MAX_SKEW: Duration = Duration::seconds(30);

/// Assesses a reading of the clock of `peer`.
#[must_use]
pub fn assess_clock(check: &'static Check, peer: &str, reading: ClockReading) -> Finding {
    let difference = reading.difference();
    let seconds = difference.whole_seconds();
    // Some peers report whole seconds.
    if seconds.abs() <= 1 {
        return check.ok(format!(
            "the clock of {peer} agrees with that of this machine"
        ));
    }
    let found =
        format!("the clock of {peer} differs by {seconds:+} seconds from that of this machine");
    if difference.abs() > MAX_SKEW {
        check.error(found, "synchronize both clocks by NTP")
    } else {
        check.ok(found)
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::doctor::Severity;

    static CLOCK: Check = Check {
        id: "peer.clock",
        why: "Tokens have times",
    };

    #[test]
    fn clocks_that_differ_by_more_than_half_a_minute_are_an_error() {
        let own = OffsetDateTime::UNIX_EPOCH;
        let assess = |seconds| {
            let reading = ClockReading {
                peer: own + Duration::seconds(seconds),
                sent_at: own,
                received_at: own,
            };
            assess_clock(&CLOCK, "the peer", reading).severity
        };
        for seconds in [-30, 0, 30] {
            assert_eq!(assess(seconds), Severity::Ok, "{seconds}");
        }
        for seconds in [-31, 31] {
            assert_eq!(assess(seconds), Severity::Error, "{seconds}");
        }
    }
}
