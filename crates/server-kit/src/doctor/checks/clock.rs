//! The difference between two clocks.

use time::{Duration, OffsetDateTime};

use crate::doctor::{Check, Finding};

/// The largest difference that is accepted: that of `clock.skewed` in the log.
const MAX_SKEW: Duration = Duration::seconds(30);

/// Assesses the time that the clock of `peer` showed between two times of the own clock.
#[must_use]
pub fn assess_clock(
    check: &'static Check,
    peer: &str,
    shown: OffsetDateTime,
    (asked, answered): (OffsetDateTime, OffsetDateTime),
) -> Finding {
    let own = asked + (answered - asked) / 2;
    let difference: Duration = shown - own;
    let seconds = difference.whole_seconds();
    // Some peers tell whole seconds.
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
            let shown = own + Duration::seconds(seconds);
            assess_clock(&CLOCK, "the peer", shown, (own, own)).severity
        };
        for seconds in [-30, 0, 30] {
            assert_eq!(assess(seconds), Severity::Ok, "{seconds}");
        }
        for seconds in [-31, 31] {
            assert_eq!(assess(seconds), Severity::Error, "{seconds}");
        }
    }
}
