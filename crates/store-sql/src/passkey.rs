//! Passkeys.

use holdfast_identity::{authentication::Passkey, store::StoreError};

use crate::{SqlRow, parse, sql_row};

/// The columns of `credentials` and `passkeys` that [`passkey`] reads, of `credentials JOIN passkeys USING (id)`.
pub const PASSKEY: &str = "credentials.id, user_id, credential_id, data, sign_count, user_verified, discoverable, backup_eligible, backed_up, transports";

/// A row of `credentials` with the row of `passkeys` that belongs to it.
///
/// # Errors
/// When a column is missing or invalid.
pub fn passkey(row: &impl SqlRow) -> Result<Passkey, StoreError> {
    let count = row.integer("sign_count")?;
    let count = count.try_into();
    let transports = row.text("transports")?.split_whitespace();
    Ok(Passkey {
        id: parse(row, "id")?,
        user: parse(row, "user_id")?,
        credential_id: row.bytes("credential_id")?.to_vec(),
        public_key: row.bytes("data")?.to_vec(),
        sign_count: count.map_err(|why| sql_row::corrupt("sign_count", &why))?,
        user_verified: row.flag("user_verified")?,
        discoverable: row.optional_flag("discoverable")?,
        backup_eligible: row.flag("backup_eligible")?,
        backed_up: row.flag("backed_up")?,
        transports: transports.map(str::to_owned).collect(),
    })
}
