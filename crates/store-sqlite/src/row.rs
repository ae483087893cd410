//! Conversion of rows to domain types and back.

use holdfast_identity::{
    account::{Account, AuthenticationVersion, PasswordHash, User},
    login::{
        ClientInfo, ClientKind, ClientRules, EndReason, Generation, Grant, GrantRecord, Login,
        LoginRecord,
    },
    oauth::{GrantType, UnknownGrantType},
    store::StoreError,
};
use sqlx::sqlite::SqliteRow;
use time::OffsetDateTime;

use crate::query::get;

/// The columns of `users` and [`PASSWORD`] that [`user`] reads, with names that `logins` does not have.
pub(super) const USER: &str = "users.id AS user_id, users.username, users.admin, users.disabled_at, \
     users.created_at AS user_created_at, password.created_at AS password_changed_at";

/// Joins the password of each of `users`.
pub(super) const PASSWORD: &str = "LEFT JOIN credentials AS password \
     ON password.user_id = users.id AND password.kind = 'password'";

pub(super) fn user(row: &SqliteRow) -> Result<User, StoreError> {
    Ok(User {
        id: parse(row, "user_id")?,
        username: parse(row, "username")?,
        admin: get(row, "admin")?,
        disabled: get::<Option<i64>>(row, "disabled_at")?.is_some(),
        created_at: time(row, "user_created_at")?,
        password_changed_at: optional_time(row, "password_changed_at")?,
    })
}

pub(super) fn account(row: &SqliteRow) -> Result<Account, StoreError> {
    let hash: Option<Vec<u8>> = get(row, "password_hash")?;
    let hash = hash.map(String::from_utf8).transpose();
    let hash = hash.map_err(|why| corrupt("data", &why))?;
    Ok(Account {
        user: user(row)?,
        password_hash: hash.map(PasswordHash::from_phc),
        authentication_version: AuthenticationVersion(get(row, "authentication_version")?),
    })
}

pub(super) fn login(row: &SqliteRow) -> Result<Login, StoreError> {
    Ok(Login {
        sid: parse(row, "sid")?,
        kind: client_kind(get(row, "client_kind")?)?,
        factors: parse(row, "amr")?,
        authenticated_at: time(row, "authenticated_at")?,
        last_seen_at: time(row, "last_seen_at")?,
        expires_at: time(row, "expires_at")?,
        ended: get::<Option<i64>>(row, "ended_at")?.is_some(),
    })
}

/// The columns of `grants` and `clients` that [`grant`] reads, with names that `logins` does not have.
pub(super) const GRANT: &str = "grants.id AS grant_id, grants.client_id, grants.scope, grants.audience, grants.jkt, \
     grants.generation, grants.refreshed_at, grants.refresh_ip_address, grants.refresh_user_agent, \
     grants.ended_at AS grant_ended_at, \
     clients.secret_hash IS NOT NULL OR clients.jwk IS NOT NULL AS is_confidential, \
     clients.grant_types, clients.dpop_required";

pub(super) fn grant(row: &SqliteRow) -> Result<Grant, StoreError> {
    let address: Option<&str> = get(row, "refresh_ip_address")?;
    Ok(Grant {
        id: parse(row, "grant_id")?,
        sid: parse(row, "sid")?,
        client: parse(row, "client_id")?,
        client_rules: ClientRules {
            is_confidential: get(row, "is_confidential")?,
            may_refresh: grant_types(get(row, "grant_types")?)?.contains(&GrantType::RefreshToken),
            dpop_required: get(row, "dpop_required")?,
        },
        scopes: parse(row, "scope")?,
        audience: get(row, "audience")?,
        generation: Generation(get(row, "generation")?),
        refreshed_at: time(row, "refreshed_at")?,
        refresh_ip_address: address.and_then(|address| address.parse().ok()),
        refresh_user_agent: get(row, "refresh_user_agent")?,
        key: parse_optional(row, "jkt")?,
        ended: get::<Option<i64>>(row, "grant_ended_at")?.is_some(),
    })
}

fn grant_record(row: &SqliteRow) -> Result<GrantRecord, StoreError> {
    Ok(GrantRecord {
        id: parse(row, "id")?,
        client: parse(row, "client_id")?,
        scopes: parse(row, "scope")?,
        created_at: time(row, "created_at")?,
        refreshed_at: time(row, "refreshed_at")?,
    })
}

/// A login with those of `grants` that belong to it.
pub(super) fn login_record(
    row: &SqliteRow,
    grants: &[SqliteRow],
) -> Result<LoginRecord, StoreError> {
    let sid: &str = get(row, "sid")?;
    let mut own = Vec::new();
    for grant in grants {
        if get::<&str>(grant, "sid")? == sid {
            own.push(grant_record(grant)?);
        }
    }
    let address: Option<&str> = get(row, "ip_address")?;
    Ok(LoginRecord {
        sid: parse(row, "sid")?,
        client: ClientInfo {
            kind: client_kind(get(row, "client_kind")?)?,
            ip_address: address.and_then(|address| address.parse().ok()),
            user_agent: get(row, "user_agent")?,
            device: None,
        },
        created_at: time(row, "created_at")?,
        authenticated_at: time(row, "authenticated_at")?,
        factors: parse(row, "amr")?,
        last_seen_at: time(row, "last_seen_at")?,
        expires_at: time(row, "expires_at")?,
        bound_at: optional_time(row, "bound_at")?,
        grants: own,
    })
}

pub(super) fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(
    row: &SqliteRow,
    column: &str,
) -> Result<T, StoreError> {
    let text: &str = get(row, column)?;
    text.parse().map_err(|why| corrupt(column, &why))
}

pub(super) fn parse_optional<T: std::str::FromStr<Err: std::fmt::Display>>(
    row: &SqliteRow,
    column: &str,
) -> Result<Option<T>, StoreError> {
    let text: Option<&str> = get(row, column)?;
    text.map(|text| text.parse().map_err(|why| corrupt(column, &why)))
        .transpose()
}

pub(super) fn time(row: &SqliteRow, column: &str) -> Result<OffsetDateTime, StoreError> {
    from_millis(column, get(row, column)?)
}

fn optional_time(row: &SqliteRow, column: &str) -> Result<Option<OffsetDateTime>, StoreError> {
    let millis: Option<i64> = get(row, column)?;
    millis.map(|millis| from_millis(column, millis)).transpose()
}

fn from_millis(column: &str, millis: i64) -> Result<OffsetDateTime, StoreError> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
        .map_err(|why| corrupt(column, &why))
}

pub(super) fn millis(time: OffsetDateTime) -> i64 {
    let millis = time.unix_timestamp_nanos() / 1_000_000;
    i64::try_from(millis).unwrap_or(i64::MAX)
}

pub(super) const fn client_kind_text(kind: ClientKind) -> &'static str {
    match kind {
        ClientKind::Api => "api",
        ClientKind::Browser => "browser",
    }
}

fn client_kind(text: &str) -> Result<ClientKind, StoreError> {
    [ClientKind::Api, ClientKind::Browser]
        .into_iter()
        .find(|kind| client_kind_text(*kind) == text)
        .ok_or_else(|| corrupt("client_kind", &text))
}

pub(super) const fn end_reason_text(reason: EndReason) -> &'static str {
    match reason {
        EndReason::SignedOut => "signed_out",
        EndReason::Reused => "reused",
        EndReason::PasswordChanged => "password_changed",
        EndReason::AccountDisabled => "account_disabled",
        EndReason::AccountDeleted => "account_deleted",
        EndReason::EndedElsewhere => "ended_elsewhere",
        EndReason::Administrator => "administrator",
        EndReason::TooMany => "too_many",
        EndReason::Operator => "operator",
        EndReason::ClientDisabled => "client_disabled",
        EndReason::Stolen => "stolen",
    }
}

fn corrupt(column: &str, why: &dyn std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("column {column}: {why}"))
}

pub(super) fn grant_types(text: &str) -> Result<Vec<GrantType>, StoreError> {
    let parsed: Result<_, UnknownGrantType> = text.split_whitespace().map(str::parse).collect();
    parsed.map_err(|_| StoreError::Corrupt("the grant types of an OAuth client".to_owned()))
}
