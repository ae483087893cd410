//! Reuse detection: whether a presented refresh token is the current one, a repeat, or reused (RFC 9700 §4.14.2).

use std::time::Duration;

use time::OffsetDateTime;

use crate::{
    login::{Generation, Grant, REPEAT_WINDOW, stored_login::is_within},
    revocation::StoreOutage,
};

/// The longest outage over which a request can be repeated: more than a failover takes. A longer one must not disable reuse detection.
const MAX_OUTAGE: Duration = Duration::from_mins(2);

/// What a presented refresh token is to its grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshTokenState {
    /// The current one.
    Current,
    /// The previous one, within [`REPEAT_WINDOW`] of the rotation, or of the end of an outage of the store that prevented the client from
    /// repeating its request: it is answered with the current generation again.
    Repeated,
    /// Used up: a copy exists (RFC 9700 §4.14.2).
    Reused,
    /// Later than the current one: the store has lost the rotation that gave it out, in a failover. No other token can be later, as the MAC of a
    /// refresh token covers its generation.
    Later,
}

impl Grant {
    /// Returns the state of the refresh token of generation `presented`.
    #[must_use]
    pub fn refresh_token_state(
        &self,
        presented: Generation,
        outage: Option<StoreOutage>,
        now: OffsetDateTime,
    ) -> RefreshTokenState {
        let refreshed_at = outage.map_or(self.refreshed_at, |outage| {
            answerable_from(self.refreshed_at, outage, now)
        });
        if presented == self.generation {
            RefreshTokenState::Current
        } else if presented.next() == self.generation && is_within(refreshed_at, REPEAT_WINDOW, now)
        {
            RefreshTokenState::Repeated
        } else if presented > self.generation {
            RefreshTokenState::Later
        } else {
            RefreshTokenState::Reused
        }
    }
}

/// The time from which on a client could repeat a request whose answer was lost: that of the rotation, or the end of an outage that began
/// within the window or before.
fn answerable_from(
    refreshed_at: OffsetDateTime,
    outage: StoreOutage,
    now: OffsetDateTime,
) -> OffsetDateTime {
    let ended_at = outage.ended_at.unwrap_or(now);
    let is_affected = outage.began_at < refreshed_at + REPEAT_WINDOW
        && refreshed_at < ended_at
        && ended_at - refreshed_at <= MAX_OUTAGE;
    if is_affected { ended_at } else { refreshed_at }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::login::grant::tests::{NOW, grant};

    #[test]
    fn previous_generation_may_be_repeated_for_ten_seconds() {
        let just_before = NOW + REPEAT_WINDOW - Duration::from_millis(1);
        let cases = [
            (5, NOW, RefreshTokenState::Current),
            (5, NOW + REPEAT_WINDOW, RefreshTokenState::Current),
            (4, NOW, RefreshTokenState::Repeated),
            (4, just_before, RefreshTokenState::Repeated),
            (4, NOW + REPEAT_WINDOW, RefreshTokenState::Reused),
            (4, NOW - REPEAT_WINDOW, RefreshTokenState::Reused),
            (3, NOW, RefreshTokenState::Reused),
            (6, NOW, RefreshTokenState::Later),
            (9, NOW, RefreshTokenState::Later),
        ];
        for (presented, at, expected) in cases {
            assert_eq!(
                grant(5).refresh_token_state(Generation(presented), None, at),
                expected,
                "{presented} at {at}"
            );
        }
    }

    #[test]
    fn previous_generation_may_be_repeated_after_an_outage() {
        let seconds = |seconds| NOW + time::Duration::seconds(seconds);
        // The grant was refreshed at second 0.
        let state = |(began, ended): (i64, Option<i64>), at| {
            let outage = StoreOutage {
                began_at: seconds(began),
                ended_at: ended.map(seconds),
            };
            grant(5).refresh_token_state(Generation(4), Some(outage), seconds(at))
        };
        for (outage, at, expected) in [
            ((1, None), 60, RefreshTokenState::Repeated),
            ((1, Some(60)), 69, RefreshTokenState::Repeated),
            ((-1, Some(60)), 69, RefreshTokenState::Repeated),
            ((1, Some(60)), 70, RefreshTokenState::Reused),
            ((1, Some(120)), 129, RefreshTokenState::Repeated),
            ((1, Some(121)), 122, RefreshTokenState::Reused),
            ((1, None), 121, RefreshTokenState::Reused),
            // It began when the answer could have been repeated, or ended before.
            ((10, Some(60)), 61, RefreshTokenState::Reused),
            ((-9, Some(-1)), 10, RefreshTokenState::Reused),
            ((-9, Some(-1)), 9, RefreshTokenState::Repeated),
        ] {
            assert_eq!(state(outage, at), expected, "{outage:?} at {at}");
        }
        let started = |second, at| {
            let outage = StoreOutage::before_start(seconds(second));
            grant(5).refresh_token_state(Generation(4), Some(outage), seconds(at))
        };
        assert_eq!(started(60, 69), RefreshTokenState::Repeated);
        assert_eq!(started(60, 70), RefreshTokenState::Reused);
        assert_eq!(started(121, 122), RefreshTokenState::Reused);
    }
}
