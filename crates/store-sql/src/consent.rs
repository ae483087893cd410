//! Consents.

use holdfast_identity::{oauth::Consent, store::StoreError};

use crate::{SqlRow, parse, time};

/// The columns of `consents` and `clients` that [`consent`] reads. A refresh since the latest grant counts as a use; ended logins are deleted in
/// time, and their refreshes with them. `SQLite` reads the tables of a `CROSS JOIN` in their order: an account has few logins, and an OAuth client
/// may have a grant in each login of the installation.
pub const CONSENT: &str = "consents.client_id, clients.name, consents.scope, consents.granted_at, \
     coalesce((SELECT max(grants.refreshed_at) FROM logins CROSS JOIN grants \
         WHERE logins.user_id = consents.user_id AND grants.sid = logins.sid \
             AND grants.client_id = consents.client_id AND grants.refreshed_at > consents.last_used_at), \
         consents.last_used_at) AS used_at";

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
