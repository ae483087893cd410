//! The stored checkpoint of the steady clock.

use std::time::Duration;

use holdfast_core::steady_clock::Checkpoint;
use holdfast_identity::store::StoreError;

use crate::{SqlRow, time};

/// A row of `steady_time`.
///
/// # Errors
/// When a column is missing or invalid.
pub fn checkpoint(row: &impl SqlRow) -> Result<Checkpoint, StoreError> {
    let apart_for = row.integer("apart_for")?;
    Ok(Checkpoint {
        steady: time(row, "steady_at")?,
        clock: time(row, "clock_at")?,
        since_leap: Duration::from_millis(apart_for.try_into().unwrap_or_default()),
    })
}
