//! Accounts: rows of `users` with their password.

use holdfast_identity::{
    account::{Account, AuthenticationVersion, CredentialKinds, PasswordHash, User},
    store::StoreError,
};

use crate::{SqlRow, parse, parse_optional, sql_row};

/// The columns of `users` and [`PASSWORD`] that [`user`] reads, with names that `logins` does not have.
pub const USER: &str = "users.id AS user_id, users.username, users.admin, users.disabled_at, \
     users.second_factor_required, \
     users.created_at AS user_created_at, password.created_at AS password_changed_at";

/// Joins the password of each of `users`.
pub const PASSWORD: &str = "LEFT JOIN credentials AS password \
     ON password.user_id = users.id AND password.kind = 'password'";

/// The columns of `users` and [`PASSWORD`] that [`account`] reads besides [`USER`].
pub const CREDENTIALS: &str = "password.data AS password_hash, users.authentication_version, \
     (SELECT string_agg(kind, ' ') FROM credentials WHERE user_id = users.id \
         AND (kind <> 'recovery_code' OR last_used_at IS NULL)) AS credential_kinds";

/// An account without credentials.
///
/// # Errors
/// When a column is missing or invalid.
pub fn user(row: &impl SqlRow) -> Result<User, StoreError> {
    Ok(User {
        id: parse(row, "user_id")?,
        username: parse(row, "username")?,
        admin: row.flag("admin")?,
        disabled: sql_row::has_happened(row, "disabled_at")?,
        second_factor_required: row.flag("second_factor_required")?,
        created_at: sql_row::time(row, "user_created_at")?,
        password_changed_at: sql_row::optional_time(row, "password_changed_at")?,
    })
}

/// An account with its [`CREDENTIALS`].
///
/// # Errors
/// When a column is missing or invalid.
pub fn account(row: &impl SqlRow) -> Result<Account, StoreError> {
    let hash = row.optional_bytes("password_hash")?.map(str::from_utf8);
    let hash = hash.transpose();
    let hash = hash.map_err(|why| sql_row::corrupt("data", &why))?;
    let kinds: Option<CredentialKinds> = parse_optional(row, "credential_kinds")?;
    Ok(Account {
        user: user(row)?,
        password_hash: hash.map(|hash| PasswordHash::from_phc(hash.to_owned())),
        credentials: kinds.unwrap_or_default(),
        authentication_version: AuthenticationVersion(row.integer("authentication_version")?),
    })
}
