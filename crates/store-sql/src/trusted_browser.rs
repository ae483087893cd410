//! Trusted browsers.

use holdfast_identity::{authentication::TrustedBrowser, store::StoreError};

use crate::{SqlRow, parse, sql_row, time};

/// The columns of `trusted_browsers` that [`trusted_browser`] reads.
pub const TRUSTED_BROWSER: &str = "trusted_browsers.id, user_agent, bound_jkt, trusted_browsers.created_at, last_used_at, expires_at";

/// A row of `trusted_browsers`.
///
/// # Errors
/// When a column is missing or invalid.
pub fn trusted_browser(row: &impl SqlRow) -> Result<TrustedBrowser, StoreError> {
    Ok(TrustedBrowser {
        id: parse(row, "id")?,
        user_agent: row.optional_text("user_agent")?.map(str::to_owned),
        is_bound: row.optional_text("bound_jkt")?.is_some(),
        created_at: time(row, "created_at")?,
        last_used_at: sql_row::optional_time(row, "last_used_at")?,
        expires_at: time(row, "expires_at")?,
    })
}
