//! Times for machines: RFC 3339, in UTC, to the second.

use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

const RFC_3339: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

pub(super) fn rfc3339(time: OffsetDateTime) -> String {
    time.format(RFC_3339).unwrap_or_default()
}
