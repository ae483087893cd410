//! Which security events the owner of an account has acknowledged in a browser: the value of a signed cookie.

use std::{sync::Arc, time::Duration};

use holdfast_core::{clock::Clock, secret_key::SecretKey};
use time::OffsetDateTime;

use crate::session::codec::mac::MacCodec;

/// Separates the key of these MACs from that of all others.
const LABEL: &[u8] = b"holdfast acknowledgement v1";

/// Largest difference between the clocks of the services.
const SKEW: Duration = Duration::from_secs(30);

const TIME: usize = 8;

/// Encodes and verifies acknowledgements: a time for an account, up to which its security events were acknowledged. They are kept by the
/// browser, so that nobody can acknowledge an event for another one.
pub struct AcknowledgementCodec {
    mac: MacCodec,
    clock: Arc<dyn Clock>,
}

impl AcknowledgementCodec {
    /// A codec with the key that all instances share.
    pub fn new(key: &SecretKey, clock: Arc<dyn Clock>) -> Self {
        Self {
            mac: MacCodec::new(key, LABEL),
            clock,
        }
    }

    /// The acknowledgement of the events of an account up to `until`, with millisecond precision. Later events than the present ones cannot be
    /// acknowledged.
    #[must_use]
    pub fn seal(&self, user_id: &str, until: OffsetDateTime) -> String {
        let until = until.min(self.clock.now() + SKEW);
        self.mac
            .seal(&context(user_id), &millis(until).to_be_bytes())
    }

    /// The time in an acknowledgement of this account.
    #[must_use]
    pub fn open(&self, user_id: &str, value: &str) -> Option<OffsetDateTime> {
        let body: [u8; TIME] = self.mac.open(&context(user_id), value)?;
        time(i64::from_be_bytes(body))
    }
}

/// The context of a MAC. The length comes first, so that no context is the beginning of another one.
fn context(user_id: &str) -> Vec<u8> {
    let length = u64::try_from(user_id.len()).unwrap_or(u64::MAX);
    [length.to_be_bytes().as_slice(), user_id.as_bytes()].concat()
}

/// A time in milliseconds since 1970, UTC.
#[must_use]
pub fn millis(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// The time of milliseconds since 1970, UTC; `None` if it is out of range.
#[must_use]
pub fn time(millis: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use holdfast_core::clock::ManualClock;
    use secrecy::SecretBox;

    use super::*;

    #[test]
    fn acknowledgement_opens_for_its_account_and_not_beyond_the_present() {
        let clock = ManualClock::default();
        let codec = |key| {
            AcknowledgementCodec::new(
                &SecretBox::new(Box::new([key; 32])),
                Arc::new(clock.clone()),
            )
        };
        let now = clock.now();
        let sealed = codec(1).seal("ada", now);
        let opened = codec(1).open("ada", &sealed).map(millis);
        assert_eq!(opened, Some(millis(now)));
        assert_eq!(codec(1).open("bob", &sealed), None);
        assert_eq!(codec(2).open("ada", &sealed), None);
        assert_eq!(codec(1).open("ada", "x"), None);
        let future = codec(1).seal("ada", now + Duration::from_hours(1));
        let opened = codec(1).open("ada", &future).map(millis);
        assert_eq!(opened, Some(millis(now + SKEW)));
    }
}
