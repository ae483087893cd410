//! Credentials other than passwords.

use holdfast_identity::{
    account::CredentialRecord,
    store::{StoreError, StoredTotp},
};

use crate::{SqlRow, parse, sql_row, time};

/// The columns of `credentials` that [`record`] reads.
pub const RECORD: &str = "id, kind, label, created_at, last_used_at";

/// A row of `credentials`, without its data.
///
/// # Errors
/// When a column is missing or invalid.
pub fn record(row: &impl SqlRow) -> Result<CredentialRecord, StoreError> {
    Ok(CredentialRecord {
        id: parse(row, "id")?,
        kind: parse(row, "kind")?,
        label: row.text("label")?.to_owned(),
        created_at: time(row, "created_at")?,
        last_used_at: sql_row::optional_time(row, "last_used_at")?,
    })
}

/// The columns of `credentials` that [`totp`] reads.
pub const TOTP: &str = "id, data, used_step";

/// A row of `credentials` of the kind `totp`.
///
/// # Errors
/// When a column is missing or invalid.
pub fn totp(row: &impl SqlRow) -> Result<StoredTotp, StoreError> {
    Ok(StoredTotp {
        id: parse(row, "id")?,
        sealed_secret: row.bytes("data")?.to_vec(),
        used_step: row.optional_integer("used_step")?,
    })
}
