//! Logins and their grants.

use std::collections::HashMap;

use holdfast_identity::{
    login::{
        ClientInfo, ClientKind, ClientRules, Generation, Grant, GrantRecord, Login, LoginRecord,
    },
    oauth::GrantType,
    store::StoreError,
};

use crate::{SqlRow, column, oauth_client::grant_types, parse, parse_optional, sql_row, time};

/// The columns of `logins` that [`login`] and [`login_records`] read. Listed, so that a statement that is prepared survives a new column.
pub const LOGIN: &str = "logins.sid, logins.client_kind, logins.ip_address, logins.user_agent, logins.amr, logins.created_at, \
     logins.authenticated_at, logins.last_seen_at, logins.expires_at, logins.bound_at, logins.ended_at";

/// A row of `logins`.
///
/// # Errors
/// When a column is missing or invalid.
pub fn login(row: &impl SqlRow) -> Result<Login, StoreError> {
    Ok(Login {
        sid: parse(row, "sid")?,
        kind: client_kind(row)?,
        factors: parse(row, "amr")?,
        authenticated_at: time(row, "authenticated_at")?,
        last_seen_at: time(row, "last_seen_at")?,
        expires_at: time(row, "expires_at")?,
        ended: sql_row::has_happened(row, "ended_at")?,
    })
}

/// The columns of `grants` and `clients` that [`grant`] reads, with names that `logins` does not have.
pub const GRANT: &str = "grants.id AS grant_id, grants.client_id, grants.scope, grants.audience, grants.jkt, \
     grants.generation, grants.refreshed_at, grants.refresh_ip_address, grants.refresh_user_agent, \
     grants.ended_at AS grant_ended_at, \
     clients.secret_hash IS NOT NULL OR clients.jwk IS NOT NULL AS is_confidential, \
     clients.grant_types, clients.dpop_required, clients.id_token_algorithm, clients.sector";

/// A grant with the rules of its OAuth client.
///
/// # Errors
/// When a column is missing or invalid.
pub fn grant(row: &impl SqlRow) -> Result<Grant, StoreError> {
    let address = row.optional_text("refresh_ip_address")?;
    Ok(Grant {
        id: parse(row, "grant_id")?,
        sid: parse(row, "sid")?,
        client: parse(row, "client_id")?,
        client_rules: ClientRules {
            is_confidential: row.flag("is_confidential")?,
            may_refresh: grant_types(row)?.contains(&GrantType::RefreshToken),
            dpop_required: row.flag("dpop_required")?,
            id_token_algorithm: parse_optional(row, "id_token_algorithm")?,
            sector: parse_optional(row, "sector")?,
        },
        scopes: parse(row, "scope")?,
        audience: row.optional_text("audience")?.map(str::to_owned),
        generation: Generation(row.integer("generation")?),
        refreshed_at: time(row, "refreshed_at")?,
        refresh_ip_address: address.and_then(|address| address.parse().ok()),
        refresh_user_agent: row.optional_text("refresh_user_agent")?.map(str::to_owned),
        key: parse_optional(row, "jkt")?,
        ended: sql_row::has_happened(row, "grant_ended_at")?,
    })
}

/// The columns of `grants` that [`login_records`] reads.
pub const GRANT_RECORD: &str =
    "grants.id, grants.sid, grants.client_id, grants.scope, grants.created_at, grants.refreshed_at";

/// Live logins: rows of `logins`, with the rows of `grants` that belong to them, each in the order of the rows.
///
/// # Errors
/// When a column is missing or invalid.
pub fn login_records<R: SqlRow>(
    logins: &[R],
    grants: &[R],
) -> Result<Vec<LoginRecord>, StoreError> {
    let mut by_login: HashMap<&str, Vec<GrantRecord>> = HashMap::new();
    for grant in grants {
        let own = by_login.entry(grant.text("sid")?).or_default();
        own.push(grant_record(grant)?);
    }
    let record = |row: &R| login_record(row, by_login.remove(row.text("sid")?).unwrap_or_default());
    logins.iter().map(record).collect()
}

fn login_record(row: &impl SqlRow, grants: Vec<GrantRecord>) -> Result<LoginRecord, StoreError> {
    let address = row.optional_text("ip_address")?;
    Ok(LoginRecord {
        sid: parse(row, "sid")?,
        client: ClientInfo {
            kind: client_kind(row)?,
            ip_address: address.and_then(|address| address.parse().ok()),
            user_agent: row.optional_text("user_agent")?.map(str::to_owned),
            device: None,
        },
        created_at: time(row, "created_at")?,
        authenticated_at: time(row, "authenticated_at")?,
        factors: parse(row, "amr")?,
        last_seen_at: time(row, "last_seen_at")?,
        expires_at: time(row, "expires_at")?,
        bound_at: sql_row::optional_time(row, "bound_at")?,
        grants,
    })
}

fn grant_record(row: &impl SqlRow) -> Result<GrantRecord, StoreError> {
    Ok(GrantRecord {
        id: parse(row, "id")?,
        client: parse(row, "client_id")?,
        scopes: parse(row, "scope")?,
        created_at: time(row, "created_at")?,
        refreshed_at: time(row, "refreshed_at")?,
    })
}

fn client_kind(row: &impl SqlRow) -> Result<ClientKind, StoreError> {
    let text = row.text("client_kind")?;
    [ClientKind::Api, ClientKind::Browser]
        .into_iter()
        .find(|kind| column::client_kind(*kind) == text)
        .ok_or_else(|| sql_row::corrupt("client_kind", &text))
}
