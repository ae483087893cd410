//! Ends of sessions that relying parties have not received yet.

use holdfast_identity::{
    oauth::{LogoutDelivery, LogoutReceiver},
    store::StoreError,
};

use crate::{SqlRow, parse, parse_optional, sql_row, time};

/// Whether a row of `grants` belongs to a session of the relying party in `clients` that receives its end.
pub const RECEIVES_LOGOUT: &str =
    "clients.backchannel_logout_uri IS NOT NULL AND ' ' || grants.scope || ' ' LIKE '% openid %'";

/// Whether a row of `grants` is the only live one of its OAuth client in its login that belongs to a session.
pub const IS_LAST_OF_SESSION: &str = "NOT EXISTS (\
     SELECT 1 FROM grants AS other WHERE other.sid = grants.sid AND other.client_id = grants.client_id \
         AND other.id <> grants.id AND other.ended_at IS NULL AND ' ' || other.scope || ' ' LIKE '% openid %')";

/// The relying parties for which there are ends, for [`logout_receiver`].
pub const LOGOUT_RECEIVERS: &str = "SELECT id, backchannel_logout_uri, id_token_algorithm, sector FROM clients \
     WHERE backchannel_logout_uri IS NOT NULL \
         AND EXISTS (SELECT 1 FROM logout_deliveries WHERE logout_deliveries.client_id = clients.id) ORDER BY id";

/// A row of [`LOGOUT_RECEIVERS`].
///
/// # Errors
/// When a column is missing or invalid.
pub fn logout_receiver(row: &impl SqlRow) -> Result<LogoutReceiver, StoreError> {
    Ok(LogoutReceiver {
        client: parse(row, "id")?,
        uri: parse(row, "backchannel_logout_uri")?,
        algorithm: parse(row, "id_token_algorithm")?,
        sector: parse_optional(row, "sector")?,
    })
}

/// A row of `logout_deliveries`.
///
/// # Errors
/// When a column is missing or invalid.
pub fn logout_delivery(row: &impl SqlRow) -> Result<LogoutDelivery, StoreError> {
    let attempts = row.integer("attempts")?;
    Ok(LogoutDelivery {
        sid: parse(row, "sid")?,
        user: parse(row, "user_id")?,
        ended_at: time(row, "ended_at")?,
        attempts: u32::try_from(attempts).map_err(|why| sql_row::corrupt("attempts", &why))?,
        due_at: time(row, "due_at")?,
    })
}
