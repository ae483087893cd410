//! Consents.

use holdfast_identity::{oauth::Consent, store::StoreError};

use crate::{SqlRow, parse, time};

/// The columns of `consents` and `clients` that [`consent`] reads. A refresh since the latest grant counts as a use; ended logins are deleted in
/// time, and their refreshes with them.
pub const CONSENT: &str = "consents.client_id, clients.name, consents.scope, consents.granted_at, \
     coalesce((SELECT max(grants.refreshed_at) FROM grants JOIN logins USING (sid) \
         WHERE grants.client_id = consents.client_id AND logins.user_id = consents.user_id \
             AND grants.refreshed_at > consents.last_used_at), consents.last_used_at) AS used_at";

/// A row of `consents` with its client.
///
/// # Errors
/// When a column is missing or invalid.
pub fn consent(row: &impl SqlRow) -> Result<Consent, StoreError> {
    Ok(Consent {
        client: parse(row, "client_id")?,
        name: parse(row, "name")?,
        scopes: parse(row, "scope")?,
        granted_at: time(row, "granted_at")?,
        last_used_at: time(row, "used_at")?,
    })
}
