//! The revocation log and the epoch.

use holdfast_identity::{
    revocation::{Epoch, Revocation, Revoked},
    store::StoreError,
};

use crate::{SqlRow, parse, time};

/// When no credential of a login can be accepted any more without its row: when the login expires, or, where only refresh tokens remain,
/// the last access token of its grants.
pub const LOGIN_CREDENTIALS_EXPIRE_AT: &str = "coalesce((\
     SELECT CASE WHEN count(*) = count(tokens_until) AND max(tokens_until) < logins.expires_at THEN max(tokens_until) END \
     FROM grants WHERE grants.sid = logins.sid), logins.expires_at)";

/// When no access token of a grant can be accepted any more without its row.
pub const GRANT_CREDENTIALS_EXPIRE_AT: &str = "CASE WHEN grants.tokens_until < logins.expires_at \
     THEN grants.tokens_until ELSE logins.expires_at END";

/// A row of `revocations`.
///
/// # Errors
/// When a column is missing or invalid.
pub fn revocation(row: &impl SqlRow) -> Result<Revocation, StoreError> {
    let subject = || row.text("subject").map(str::to_owned);
    let revoked = match row.text("kind")? {
        "jti" => Revoked::Token(parse(row, "subject")?),
        "sid" => Revoked::Login(parse(row, "subject")?),
        "grant" => Revoked::Grant(parse(row, "subject")?),
        "client_id" => Revoked::Client(subject()?),
        "kid" => Revoked::Key(subject()?),
        other => {
            let reason = format!("a revocation of the unknown kind {other:?}");
            return Err(StoreError::Corrupt(reason));
        }
    };
    Ok(Revocation {
        sequence: row.integer("sequence")?,
        revoked,
        expires_at: time(row, "expires_at")?,
    })
}

/// The columns `kind` and `subject` of an entry.
#[must_use]
pub fn subject(revoked: &Revoked) -> (&'static str, String) {
    match revoked {
        Revoked::Token(jti) => ("jti", jti.to_string()),
        Revoked::Login(sid) => ("sid", sid.to_string()),
        Revoked::Grant(id) => ("grant", id.to_string()),
        Revoked::Client(id) => ("client_id", id.clone()),
        Revoked::Key(kid) => ("kid", kid.clone()),
    }
}

/// The row of `epoch`.
///
/// # Errors
/// When a column is missing or invalid.
pub fn epoch(row: &impl SqlRow) -> Result<Epoch, StoreError> {
    Ok(Epoch {
        id: row.text("id")?.to_owned(),
        begun_at: time(row, "begun_at")?,
    })
}
