//! OAuth clients.

use holdfast_identity::{
    oauth::{
        ClientAuthMethod, ClientName, GrantType, OauthClient, RedirectUri, RelyingParty,
        UnknownGrantType,
    },
    store::StoreError,
};

use time::Duration;

use crate::{SqlRow, parse, parse_optional, sql_row, time};

/// Time for which the revocation log contains a disabled client. It exceeds the lifetime of every access token; new tokens are rejected
/// by the row.
pub const REVOKED_FOR: Duration = Duration::days(366);

/// The columns of `clients`.
pub const CLIENT: &str = "id, secret_hash, jwk, scope, audiences, grant_types, dpop_required, protected, created_at, disabled_at, \
     name, redirect_uris, post_logout_redirect_uris, id_token_algorithm, first_party, must_push, backchannel_logout_uri, sector";

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
        relying_party: relying_party(row)?,
        protected: row.flag("protected")?,
        disabled: sql_row::has_happened(row, "disabled_at")?,
        created_at: time(row, "created_at")?,
    })
}

/// The relying party that a client is, if its row has a name.
fn relying_party(row: &impl SqlRow) -> Result<Option<RelyingParty>, StoreError> {
    let name: Option<ClientName> = parse_optional(row, "name")?;
    let Some(name) = name else { return Ok(None) };
    Ok(Some(RelyingParty {
        name,
        redirect_uris: uris(row, "redirect_uris")?,
        post_logout_redirect_uris: uris(row, "post_logout_redirect_uris")?,
        id_token_algorithm: parse(row, "id_token_algorithm")?,
        is_first_party: row.flag("first_party")?,
        must_push: row.flag("must_push")?,
        backchannel_logout_uri: parse_optional(row, "backchannel_logout_uri")?,
        sector: parse_optional(row, "sector")?,
    }))
}

fn uris(row: &impl SqlRow, column: &str) -> Result<Vec<RedirectUri>, StoreError> {
    let text = row.optional_text(column)?.unwrap_or_default();
    let uris = text.split_whitespace().map(str::parse);
    let parsed: Result<_, _> = uris.collect();
    parsed.map_err(|why| sql_row::corrupt(column, &why))
}

/// The columns of a client that people sign in to; of any other, they are NULL or false.
#[derive(Default)]
pub struct PartyColumns {
    /// `name`.
    pub name: Option<String>,
    /// `redirect_uris`.
    pub redirect_uris: Option<String>,
    /// `post_logout_redirect_uris`.
    pub post_logout_redirect_uris: Option<String>,
    /// `id_token_algorithm`.
    pub id_token_algorithm: Option<&'static str>,
    /// `first_party`.
    pub first_party: bool,
    /// `must_push`.
    pub must_push: bool,
    /// `backchannel_logout_uri`.
    pub backchannel_logout_uri: Option<String>,
    /// `sector`.
    pub sector: Option<String>,
}

impl PartyColumns {
    /// The columns of a client.
    #[must_use]
    pub fn of(client: &OauthClient) -> Self {
        let Some(party) = &client.relying_party else {
            return Self::default();
        };
        let join = |uris: &[RedirectUri]| {
            let texts: Vec<_> = uris.iter().map(RedirectUri::as_str).collect();
            Some(texts.join(" "))
        };
        Self {
            name: Some(party.name.to_string()),
            redirect_uris: join(&party.redirect_uris),
            post_logout_redirect_uris: join(&party.post_logout_redirect_uris),
            id_token_algorithm: Some(party.id_token_algorithm.as_str()),
            first_party: party.is_first_party,
            must_push: party.must_push,
            backchannel_logout_uri: party
                .backchannel_logout_uri
                .as_ref()
                .map(ToString::to_string),
            sector: party.sector.as_ref().map(ToString::to_string),
        }
    }
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
