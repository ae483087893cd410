//! Fields of responses.

use prost_types::Timestamp;
use time::OffsetDateTime;

use crate::error::AuthError;

/// A time that the contract requires.
///
/// # Errors
/// [`AuthError::Broken`] when it is missing or out of range.
pub(crate) fn time(timestamp: Option<Timestamp>) -> Result<OffsetDateTime, AuthError> {
    optional_time(timestamp)?.ok_or_else(AuthError::incomplete)
}

/// A time that may be missing.
///
/// # Errors
/// [`AuthError::Broken`] when it is out of range.
pub(crate) fn optional_time(
    timestamp: Option<Timestamp>,
) -> Result<Option<OffsetDateTime>, AuthError> {
    let Some(timestamp) = timestamp else {
        return Ok(None);
    };
    let nanos = i128::from(timestamp.seconds) * 1_000_000_000 + i128::from(timestamp.nanos);
    let time =
        OffsetDateTime::from_unix_timestamp_nanos(nanos).map_err(|_| AuthError::incomplete())?;
    Ok(Some(time))
}

/// A text whose absence the contract expresses by an empty one.
pub(crate) fn non_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}
