//! Registered OAuth clients (RFC 6749 §2, RFC 7591).

use std::{fmt, str::FromStr};

use time::OffsetDateTime;

use crate::{
    oauth::{ClientId, RelyingParty},
    token::{Scope, Scopes},
};

/// The registered authentication method of an OAuth client, with what verifies it.
#[derive(Clone, PartialEq, Eq)]
pub enum ClientAuthMethod {
    /// None: a public client.
    Public,
    /// A generated secret, of which the SHA-256 is stored.
    Secret([u8; 32]),
    /// An assertion signed by the private half of this key, a JWK in JSON (RFC 7523 §2.2).
    Key(String),
}

impl fmt::Debug for ClientAuthMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "Public",
            Self::Secret(_) => "Secret(..)",
            Self::Key(_) => "Key(..)",
        })
    }
}

/// A registered OAuth client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OauthClient {
    /// `client_id`. Unique.
    pub id: ClientId,
    /// How the OAuth client authenticates itself.
    pub auth_method: ClientAuthMethod,
    /// Scopes that its own tokens may have, and that the owners of accounts may grant to it: scopes of applications only.
    pub scopes: Scopes,
    /// Audiences that its own tokens may be issued for. The first one is the default. Where people sign in to it, those that it may request
    /// as `resource`.
    pub audiences: Vec<String>,
    /// Grant types that it may use.
    pub grant_types: Vec<GrantType>,
    /// Whether its tokens must be bound to a key (RFC 9449 §5.2).
    pub dpop_required: bool,
    /// What people sign in to it with; `None` where nobody does.
    pub relying_party: Option<RelyingParty>,
    /// Whether sign-in depends on it, so that it cannot be disabled.
    pub protected: bool,
    /// Whether it was disabled, which is permanent.
    pub disabled: bool,
    /// Time of registration, UTC.
    pub created_at: OffsetDateTime,
}

impl OauthClient {
    /// Whether it can authenticate itself (RFC 6749 §2.1).
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        self.auth_method != ClientAuthMethod::Public
    }

    /// Whether it may use this grant type. Only confidential clients may use the client credentials grant (RFC 6749 §4.4).
    #[must_use]
    pub fn may(&self, grant_type: GrantType) -> bool {
        let must_authenticate = grant_type == GrantType::ClientCredentials;
        self.grant_types.contains(&grant_type) && (!must_authenticate || self.is_confidential())
    }

    /// Whether the owners of accounts may grant it this scope: `account` and `admin` are for sign-ins to Holdfast itself.
    #[must_use]
    pub fn may_be_granted(&self, scope: &Scope) -> bool {
        match scope {
            Scope::OpenId | Scope::Profile => true,
            Scope::OfflineAccess => self.may(GrantType::RefreshToken),
            Scope::Application(_) => self.scopes.contains(scope),
            Scope::Account | Scope::Admin => false,
        }
    }
}

/// A grant type (RFC 6749 §1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantType {
    /// The code of an authorization response (RFC 6749 §4.1).
    AuthorizationCode,
    /// The OAuth client's own credentials (RFC 6749 §4.4).
    ClientCredentials,
    /// The refresh token of a login (RFC 6749 §6).
    RefreshToken,
}

impl GrantType {
    const ALL: [Self; 3] = [
        Self::AuthorizationCode,
        Self::ClientCredentials,
        Self::RefreshToken,
    ];

    /// Returns the value of `grant_type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::ClientCredentials => "client_credentials",
            Self::RefreshToken => "refresh_token",
        }
    }
}

/// The text names no supported grant type.
#[derive(Debug, thiserror::Error)]
#[error("unknown grant type")]
pub struct UnknownGrantType;

impl FromStr for GrantType {
    type Err = UnknownGrantType;

    fn from_str(text: &str) -> Result<Self, UnknownGrantType> {
        Self::ALL
            .into_iter()
            .find(|grant_type| grant_type.as_str() == text)
            .ok_or(UnknownGrantType)
    }
}
