//! Rows into domain types and back.

use holdfast_identity::{
    account::{Account, PasswordHash, PasswordVersion, User},
    login::{ClientInfo, ClientKind, EndReason, Generation, Login, LoginRecord},
    store::StoreError,
};
use sqlx::{Row as _, sqlite::SqliteRow};
use time::OffsetDateTime;

use crate::unavailable;

/// Columns of `users` that make a [`User`]; `user_id` so that a join with `logins` has each name once.
pub(super) const USER: &str = "users.id AS user_id, users.username, users.admin, users.disabled_at, \
     users.created_at AS user_created_at, users.password_changed_at";

pub(super) fn user(row: &SqliteRow) -> Result<User, StoreError> {
    Ok(User {
        id: parse(row, "user_id")?,
        username: parse(row, "username")?,
        admin: row.try_get("admin").map_err(unavailable)?,
        disabled: row
            .try_get::<Option<i64>, _>("disabled_at")
            .map_err(unavailable)?
            .is_some(),
        created_at: time(row, "user_created_at")?,
        password_changed_at: time(row, "password_changed_at")?,
    })
}

pub(super) fn account(row: &SqliteRow) -> Result<Account, StoreError> {
    Ok(Account {
        user: user(row)?,
        password_hash: PasswordHash::from_phc(row.try_get("password_hash").map_err(unavailable)?),
        password_version: PasswordVersion(row.try_get("password_version").map_err(unavailable)?),
    })
}

pub(super) fn login(row: &SqliteRow) -> Result<Login, StoreError> {
    let refresh_address: Option<&str> = row.try_get("refresh_ip_address").map_err(unavailable)?;
    Ok(Login {
        sid: parse(row, "sid")?,
        kind: client_kind(row.try_get("client_kind").map_err(unavailable)?)?,
        scopes: parse(row, "scope")?,
        generation: Generation(row.try_get("generation").map_err(unavailable)?),
        refreshed_at: time(row, "refreshed_at")?,
        refresh_ip_address: refresh_address.and_then(|address| address.parse().ok()),
        refresh_user_agent: row.try_get("refresh_user_agent").map_err(unavailable)?,
        authenticated_at: time(row, "authenticated_at")?,
        last_seen_at: time(row, "last_seen_at")?,
        expires_at: time(row, "expires_at")?,
        ended: row
            .try_get::<Option<i64>, _>("ended_at")
            .map_err(unavailable)?
            .is_some(),
        key: parse_optional(row, "jkt")?,
    })
}

pub(super) fn login_record(row: &SqliteRow) -> Result<LoginRecord, StoreError> {
    let amr: &str = row.try_get("amr").map_err(unavailable)?;
    let address: Option<&str> = row.try_get("ip_address").map_err(unavailable)?;
    Ok(LoginRecord {
        sid: parse(row, "sid")?,
        client: ClientInfo {
            kind: client_kind(row.try_get("client_kind").map_err(unavailable)?)?,
            ip_address: address.and_then(|address| address.parse().ok()),
            user_agent: row.try_get("user_agent").map_err(unavailable)?,
            device: None,
        },
        created_at: time(row, "created_at")?,
        authenticated_at: time(row, "authenticated_at")?,
        amr: amr.split_whitespace().map(str::to_owned).collect(),
        last_seen_at: time(row, "last_seen_at")?,
        expires_at: time(row, "expires_at")?,
        bound_at: optional_time(row, "bound_at")?,
    })
}

pub(super) fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(
    row: &SqliteRow,
    column: &str,
) -> Result<T, StoreError> {
    let text: &str = row.try_get(column).map_err(unavailable)?;
    text.parse().map_err(|why| corrupt(column, &why))
}

pub(super) fn parse_optional<T: std::str::FromStr<Err: std::fmt::Display>>(
    row: &SqliteRow,
    column: &str,
) -> Result<Option<T>, StoreError> {
    let text: Option<&str> = row.try_get(column).map_err(unavailable)?;
    text.map(|text| text.parse().map_err(|why| corrupt(column, &why)))
        .transpose()
}

pub(super) fn time(row: &SqliteRow, column: &str) -> Result<OffsetDateTime, StoreError> {
    from_millis(column, row.try_get(column).map_err(unavailable)?)
}

fn optional_time(row: &SqliteRow, column: &str) -> Result<Option<OffsetDateTime>, StoreError> {
    let millis: Option<i64> = row.try_get(column).map_err(unavailable)?;
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
        EndReason::Stolen => "stolen",
    }
}

fn corrupt(column: &str, why: &dyn std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("column {column}: {why}"))
}
