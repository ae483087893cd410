//! Revocations that a failover of the database has lost.

use time::OffsetDateTime;

use crate::{
    error::StoreError,
    login::EndReason,
    oauth::ClientId,
    revocation::{Revocation, Revoked},
    store::Store,
};

/// Writes those of the entries back that the log does not have. A standby that was promoted may lack what the server before it had committed
/// last; the instances have read it. Can be repeated, and called by several instances at once. Returns how many were appended, and the entries that the log lacked, whose
/// subjects have to be ended again ([`end_again`]): by every instance that finds them, as the one that appended them may be killed.
///
/// # Errors
/// The store is unavailable.
pub async fn append_lost(
    store: &dyn Store,
    entries: &[Revocation],
) -> Result<(u64, Vec<Revocation>), StoreError> {
    let lost = store.missing_revocations(entries).await?;
    let appended = if lost.is_empty() {
        0
    } else {
        store.append_again(&lost).await?
    };
    Ok((appended, lost))
}

/// Ends the subject of an entry that the store had lost, if it is live. Can be repeated.
///
/// # Errors
/// The store is unavailable.
pub async fn end_again(
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
