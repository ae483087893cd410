//! Reuse detection: whether a presented refresh token is the current one, a repeat, or reused (RFC 9700 §4.14.2).

use time::OffsetDateTime;

use crate::login::{Generation, Grant, REPEAT_WINDOW, stored_login::is_within};

/// What a presented refresh token is to its grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshTokenState {
    /// The current one.
    Current,
    /// The previous one, within [`REPEAT_WINDOW`] of the rotation: it is answered with the current generation again.
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
        now: OffsetDateTime,
    ) -> RefreshTokenState {
        if presented == self.generation {
            RefreshTokenState::Current
        } else if presented.next() == self.generation
            && is_within(self.refreshed_at, REPEAT_WINDOW, now)
        {
            RefreshTokenState::Repeated
        } else if presented > self.generation {
            RefreshTokenState::Later
        } else {
            RefreshTokenState::Reused
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
                grant(5).refresh_token_state(Generation(presented), at),
                expected,
                "{presented} at {at}"
            );
        }
    }
}
