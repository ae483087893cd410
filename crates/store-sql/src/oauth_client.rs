//! OAuth clients.

use holdfast_identity::{
    oauth::{ClientAuthMethod, GrantType, OauthClient, UnknownGrantType},
    store::StoreError,
};

use time::Duration;

use crate::{SqlRow, parse, sql_row, time};

/// Time for which the revocation log contains a disabled client. It exceeds the lifetime of every access token; new tokens are rejected
/// by the row.
pub const REVOKED_FOR: Duration = Duration::days(366);

/// The columns of `clients`.
pub const CLIENT: &str = "id, secret_hash, jwk, scope, audiences, grant_types, dpop_required, protected, created_at, disabled_at";

/// A row of `clients`.
///
/// # Errors
/// When a column is missing or invalid.
pub fn oauth_client(row: &impl SqlRow) -> Result<OauthClient, StoreError> {
    let audiences = row.text("audiences")?.split(' ');
    let audiences = audiences.filter(|audience| !audience.is_empty());
    Ok(OauthClient {
        id: parse(row, "id")?,
        auth_method: auth_method(row)?,
        scopes: parse(row, "scope")?,
        grant_types: grant_types(row)?,
        dpop_required: row.flag("dpop_required")?,
        audiences: audiences.map(str::to_owned).collect(),
        protected: row.flag("protected")?,
        disabled: sql_row::has_happened(row, "disabled_at")?,
        created_at: time(row, "created_at")?,
    })
}

/// `secret_hash` and `jwk` of a client.
#[must_use]
pub fn auth_columns(method: &ClientAuthMethod) -> (Option<Vec<u8>>, Option<String>) {
    match method {
        ClientAuthMethod::Public => (None, None),
        ClientAuthMethod::Secret(hash) => (Some(hash.to_vec()), None),
        ClientAuthMethod::Key(jwk) => (None, Some(jwk.clone())),
    }
}

/// `grant_types` of a client.
#[must_use]
pub fn grant_types_text(types: &[GrantType]) -> String {
    let names: Vec<_> = types.iter().map(|grant| grant.as_str()).collect();
    names.join(" ")
}

pub(crate) fn grant_types(row: &impl SqlRow) -> Result<Vec<GrantType>, StoreError> {
    let names = row.text("grant_types")?.split_whitespace();
    let parsed: Result<_, UnknownGrantType> = names.map(str::parse).collect();
    parsed.map_err(|_| StoreError::Corrupt("the grant types of an OAuth client".to_owned()))
}

fn auth_method(row: &impl SqlRow) -> Result<ClientAuthMethod, StoreError> {
    let hash = row.optional_bytes("secret_hash")?;
    match (hash, row.optional_text("jwk")?) {
        (Some(hash), _) => {
            let hash = hash.try_into().map_err(|_| {
                StoreError::Corrupt("the secret hash of an OAuth client".to_owned())
            })?;
            Ok(ClientAuthMethod::Secret(hash))
        }
        (None, Some(jwk)) => Ok(ClientAuthMethod::Key(jwk.to_owned())),
        (None, None) => Ok(ClientAuthMethod::Public),
    }
}
