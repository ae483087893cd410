//! Times for machines: RFC 3339, in UTC, to the second.

use std::time::Duration;

use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

const RFC_3339: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

/// Whole seconds, for `Retry-After`: never less than the wait, never none.
pub(super) fn in_seconds(wait: Duration) -> u64 {
    let seconds = wait.as_millis().div_ceil(1000).max(1);
    seconds.try_into().unwrap_or(u64::MAX)
}

pub(super) fn rfc3339(time: OffsetDateTime) -> String {
    time.format(RFC_3339).unwrap_or_default()
}
