//! Times in responses: RFC 3339, in UTC, to the second.

use std::{fmt, str};

use serde::{Serialize, Serializer};
use time::{OffsetDateTime, UtcOffset};

/// A time such as `2027-01-02T03:04:05Z`, without a heap allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rfc3339([u8; 20]);

impl Rfc3339 {
    fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A time as responses contain it, in UTC.
pub(super) fn rfc3339(time: OffsetDateTime) -> Rfc3339 {
    let time = time.to_offset(UtcOffset::UTC);
    let year = u16::try_from(time.year()).unwrap_or_default();
    let mut text = *b"0000-00-00T00:00:00Z";
    let numbers = [
        (year / 100).to_le_bytes()[0],
        (year % 100).to_le_bytes()[0],
        time.month().into(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second(),
    ];
    for (at, number) in [0, 2, 5, 8, 11, 14, 17].into_iter().zip(numbers) {
        if let Some(digits) = text.get_mut(at..at + 2) {
            digits.copy_from_slice(&[b'0' + number / 10 % 10, b'0' + number % 10]);
        }
    }
    Rfc3339(text)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn times_are_in_utc_to_the_second() {
        let text = |time| rfc3339(time).to_string();
        assert_eq!(
            text(datetime!(2027-01-02 03:04:05.678 UTC)),
            "2027-01-02T03:04:05Z"
        );
        assert_eq!(
            text(datetime!(1999-12-31 23:59:59 -1)),
            "2000-01-01T00:59:59Z"
        );
        assert_eq!(text(OffsetDateTime::UNIX_EPOCH), "1970-01-01T00:00:00Z");
    }
}
