//! Revocations that a failover of the database has lost.

use time::OffsetDateTime;

use crate::{
    error::StoreError,
    login::EndReason,
    oauth::ClientId,
    revocation::{Revocation, Revoked},
    store::Store,
};

/// Writes those of the entries back that the log does not have, and ends again what they had ended. A standby that was promoted may lack what
/// the server before it had committed last; the instances have read it. Can be repeated, and called by several instances at once. Returns how
/// many entries were appended.
///
/// # Errors
/// The store is unavailable. A part may have been written.
pub async fn restore_lost(
    store: &dyn Store,
    entries: &[Revocation],
    now: OffsetDateTime,
) -> Result<u64, StoreError> {
    let lost = store.missing_revocations(entries).await?;
    if lost.is_empty() {
        return Ok(0);
    }
    // First what all instances read: their memory is enough to reject access tokens.
    let appended = store.append_again(&lost).await?;
    for entry in &lost {
        end_again(store, entry, now).await?;
    }
    Ok(appended)
}

/// Ends the subject of an entry, if it is live.
async fn end_again(
    store: &dyn Store,
    entry: &Revocation,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let reason = EndReason::Restored;
    match &entry.revoked {
        Revoked::Token(_) => {}
        Revoked::Login(sid) => drop(store.end_login(*sid, reason, now, &[]).await?),
        Revoked::Grant(id) => drop(store.end_grant(*id, reason, now, &[]).await?),
        Revoked::Key(kid) => {
            let expires_at = entry.expires_at;
            store.revoke_signing_key(kid, now, expires_at, &[]).await?;
        }
        Revoked::Client(id) => {
            if let Ok(id) = id.parse::<ClientId>() {
                store.disable_client(&id, now, &[]).await?;
            }
        }
    }
    Ok(())
}
