//! Columns of a row, with the errors of the port in place of the driver's.

use std::{fmt, str::FromStr};

use holdfast_identity::store::StoreError;
use sqlx::{ColumnIndex, Decode, Row, Type};
use time::OffsetDateTime;

use crate::column;

/// A row of any SQL driver. Each method returns the value of a column by its name.
pub trait SqlRow {
    /// A text.
    fn text(&self, column: &str) -> Result<&str, StoreError>;

    /// A text, or NULL.
    fn optional_text(&self, column: &str) -> Result<Option<&str>, StoreError>;

    /// A number.
    fn integer(&self, column: &str) -> Result<i64, StoreError>;

    /// A number, or NULL.
    fn optional_integer(&self, column: &str) -> Result<Option<i64>, StoreError>;

    /// A truth value.
    fn flag(&self, column: &str) -> Result<bool, StoreError>;

    /// A truth value, or NULL.
    fn optional_flag(&self, column: &str) -> Result<Option<bool>, StoreError>;

    /// Bytes.
    fn bytes(&self, column: &str) -> Result<&[u8], StoreError>;

    /// Bytes, or NULL.
    fn optional_bytes(&self, column: &str) -> Result<Option<&[u8]>, StoreError>;
}

impl<R: Row> SqlRow for R
where
    for<'c> &'c str: ColumnIndex<R>,
    for<'r> &'r str: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> &'r [u8]: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> bool: Decode<'r, R::Database> + Type<R::Database>,
{
    fn text(&self, column: &str) -> Result<&str, StoreError> {
        self.try_get(column).map_err(unavailable)
    }

    fn optional_text(&self, column: &str) -> Result<Option<&str>, StoreError> {
        self.try_get(column).map_err(unavailable)
    }

    fn integer(&self, column: &str) -> Result<i64, StoreError> {
        self.try_get(column).map_err(unavailable)
    }

    fn optional_integer(&self, column: &str) -> Result<Option<i64>, StoreError> {
        self.try_get(column).map_err(unavailable)
    }

    fn flag(&self, column: &str) -> Result<bool, StoreError> {
        self.try_get(column).map_err(unavailable)
    }

    fn optional_flag(&self, column: &str) -> Result<Option<bool>, StoreError> {
        self.try_get(column).map_err(unavailable)
    }

    fn bytes(&self, column: &str) -> Result<&[u8], StoreError> {
        self.try_get(column).map_err(unavailable)
    }

    fn optional_bytes(&self, column: &str) -> Result<Option<&[u8]>, StoreError> {
        self.try_get(column).map_err(unavailable)
    }
}

/// A value that a column contains in its text form.
///
/// # Errors
/// When the column cannot be read, or contains another text.
pub fn parse<T: FromStr<Err: fmt::Display>>(
    row: &impl SqlRow,
    column: &str,
) -> Result<T, StoreError> {
    let parsed = row.text(column)?.parse();
    parsed.map_err(|why| corrupt(column, &why))
}

/// A value that a column contains in its text form, or NULL.
///
/// # Errors
/// When the column cannot be read, or contains another text.
pub fn parse_optional<T: FromStr<Err: fmt::Display>>(
    row: &impl SqlRow,
    column: &str,
) -> Result<Option<T>, StoreError> {
    let parsed = row.optional_text(column)?.map(str::parse).transpose();
    parsed.map_err(|why| corrupt(column, &why))
}

/// A time.
///
/// # Errors
/// When the column cannot be read, or contains a number out of range.
pub fn time(row: &impl SqlRow, column: &str) -> Result<OffsetDateTime, StoreError> {
    from_millis(column, row.integer(column)?)
}

/// A time, or NULL.
///
/// # Errors
/// When the column cannot be read, or contains a number out of range.
pub fn optional_time(
    row: &impl SqlRow,
    column: &str,
) -> Result<Option<OffsetDateTime>, StoreError> {
    let millis = row.optional_integer(column)?;
    millis.map(|millis| from_millis(column, millis)).transpose()
}

/// Whether a column is not NULL: the time of something that happened.
pub(crate) fn has_happened(row: &impl SqlRow, column: &str) -> Result<bool, StoreError> {
    Ok(row.optional_integer(column)?.is_some())
}

fn from_millis(column: &str, millis: i64) -> Result<OffsetDateTime, StoreError> {
    column::time_of(millis).map_err(|why| corrupt(column, &why))
}

/// The error of a column with an invalid value.
pub(crate) fn corrupt(column: &str, why: &dyn fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("column {column}: {why}"))
}

/// A failure of the driver as an error of the port.
#[expect(clippy::needless_pass_by_value, reason = "passed to `map_err`")]
pub fn unavailable(error: impl ToString) -> StoreError {
    StoreError::Unavailable(error.to_string())
}
