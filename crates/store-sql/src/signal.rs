//! Streams of security events, and their events.

use holdfast_identity::{
    signals::{CredentialChange, Signal, SignalContent, SignalKind, SignalStream},
    store::StoreError,
};

use crate::{SqlRow, parse, parse_optional, sql_row, time};

/// `kind` of an event about the end of a login.
pub const SESSION_REVOKED: &str = "session-revoked";
/// `kind` of an event about a credential.
pub const CREDENTIAL_CHANGE: &str = "credential-change";
/// `kind` of an event that the receiver asked for.
pub const VERIFICATION: &str = "verification";

/// The columns of `event_streams`.
pub const STREAM: &str = "stream_id, client_id, status, reason, requested, description, created_at";

/// The columns of `stream_events`.
pub const SIGNAL: &str = "id, kind, sid, user_id, initiator, detail, at";

/// Whether a row of `event_streams` receives events of this type.
#[must_use]
pub fn receives(kind: SignalKind) -> String {
    let uri = kind.as_str();
    format!(
        "event_streams.status <> 'disabled' \
         AND (event_streams.requested IS NULL OR ' ' || event_streams.requested || ' ' LIKE '% {uri} %')"
    )
}

/// A row of `event_streams`.
///
/// # Errors
/// When a column is missing or invalid.
pub fn stream(row: &impl SqlRow) -> Result<SignalStream, StoreError> {
    Ok(SignalStream {
        id: parse(row, "stream_id")?,
        client: parse(row, "client_id")?,
        status: parse(row, "status")?,
        reason: parse_optional(row, "reason")?,
        requested: parse_optional(row, "requested")?,
        description: parse_optional(row, "description")?,
        created_at: time(row, "created_at")?,
    })
}

/// A row of `stream_events`.
///
/// # Errors
/// When a column is missing or invalid.
pub fn signal(row: &impl SqlRow) -> Result<Signal, StoreError> {
    let content = match row.text("kind")? {
        SESSION_REVOKED => SignalContent::SessionRevoked {
            user: parse(row, "user_id")?,
            sid: parse(row, "sid")?,
            initiator: parse(row, "initiator")?,
        },
        CREDENTIAL_CHANGE => SignalContent::CredentialChange {
            user: parse(row, "user_id")?,
            change: credential_change(row)?,
        },
        VERIFICATION => SignalContent::Verification {
            state: row.optional_text("detail")?.map(str::to_owned),
        },
        kind => return Err(sql_row::corrupt("kind", &kind)),
    };
    Ok(Signal {
        number: row.integer("id")?,
        at: time(row, "at")?,
        content,
    })
}

/// `detail` of a change of a credential: its type and what happened to it.
#[must_use]
pub fn change_detail(change: &CredentialChange) -> String {
    format!("{} {}", change.credential.as_str(), change.change.as_str())
}

fn credential_change(row: &impl SqlRow) -> Result<CredentialChange, StoreError> {
    let detail = row.text("detail")?;
    let parsed = detail
        .split_once(' ')
        .and_then(|(credential, change)| Some((credential.parse().ok()?, change.parse().ok()?)));
    let (credential, change) = parsed.ok_or_else(|| sql_row::corrupt("detail", &detail))?;
    Ok(CredentialChange {
        credential,
        change,
        initiator: parse(row, "initiator")?,
    })
}
