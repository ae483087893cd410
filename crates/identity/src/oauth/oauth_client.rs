//! Programs that ask for tokens in their own name: OAuth clients (RFC 6749 §2).

use std::{fmt, str::FromStr};

use holdfast_core::invalid_key::InvalidKey;
use secrecy::SecretString;
use time::OffsetDateTime;

use crate::{
    id::UserId,
    token::{FIRST_PARTY_CLIENT, Scopes},
};

/// What a client is called: 1 to 64 ASCII letters, digits and `._-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientId(String);

/// The text cannot be any client's.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a client_id is 1 to 64 ASCII letters, digits and . _ -, and no UUID")]
pub struct InvalidClientId;

impl ClientId {
    const MAX_LENGTH: usize = 64;

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the one that sign-ins with a password act as.
    #[must_use]
    pub fn is_first_party(&self) -> bool {
        self.0 == FIRST_PARTY_CLIENT
    }
}

impl FromStr for ClientId {
    type Err = InvalidClientId;

    fn from_str(text: &str) -> Result<Self, InvalidClientId> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        // It becomes a `sub`, and must not be a person's (RFC 9700 §4.15).
        let is_somebody = text.parse::<UserId>().is_ok();
        let has_length = (1..=Self::MAX_LENGTH).contains(&text.len());
        if has_length && text.bytes().all(is_allowed) && !is_somebody {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidClientId)
        }
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a client proves who it is.
#[derive(Clone, PartialEq, Eq)]
pub enum ClientAuthMethod {
    /// It cannot: anybody could read what it would prove it with.
    Public,
    /// By a secret that was made here, of which the SHA-256 is kept.
    Secret([u8; 32]),
    /// By signing with the private half of this key, a JWK in JSON (RFC 7523 §2.2).
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

/// A client as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OauthClient {
    /// Its name.
    pub id: ClientId,
    /// How it proves who it is.
    pub registered: ClientAuthMethod,
    /// What it may ask for in its own name; applications' own scopes only.
    pub scopes: Scopes,
    /// Whom its tokens may be for; the first one where it names nobody.
    pub audiences: Vec<String>,
    /// What it may exchange for tokens.
    pub grant_types: Vec<GrantType>,
    /// Whether its tokens have to be bound to a key (RFC 9449 §5.2).
    pub dpop_required: bool,
    /// Whether it was ended, for good.
    pub disabled: bool,
    /// When it was registered.
    pub created_at: OffsetDateTime,
}

impl OauthClient {
    /// Whether it can prove who it is.
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        self.registered != ClientAuthMethod::Public
    }

    /// Whether it may exchange this for tokens. Only who can prove who they are has tokens in its own name (RFC 6749 §4.4).
    #[must_use]
    pub fn may(&self, grant_type: GrantType) -> bool {
        let needs_proof = grant_type == GrantType::ClientCredentials;
        self.grant_types.contains(&grant_type) && (!needs_proof || self.is_confidential())
    }
}

/// What a client exchanges for tokens (RFC 6749 §1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantType {
    /// Its own proof of who it is.
    ClientCredentials,
    /// A login's refresh token.
    RefreshToken,
}

impl GrantType {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::RefreshToken => "refresh_token",
        }
    }
}

/// There is no such grant type here.
#[derive(Debug, thiserror::Error)]
#[error("unknown grant type")]
pub struct UnknownGrantType;

impl FromStr for GrantType {
    type Err = UnknownGrantType;

    fn from_str(text: &str) -> Result<Self, UnknownGrantType> {
        [Self::ClientCredentials, Self::RefreshToken]
            .into_iter()
            .find(|grant_type| grant_type.as_str() == text)
            .ok_or(UnknownGrantType)
    }
}

/// Who a caller says to be, and how it proves it.
#[derive(Debug)]
pub struct ClientProof {
    /// What it calls itself; a signed assertion says it by itself.
    pub id: String,
    /// The proof.
    pub proof: ClientAuthentication,
}

/// A client's proof.
#[derive(Debug)]
pub enum ClientAuthentication {
    /// None: it is public.
    None,
    /// Its secret.
    Secret(SecretString),
    /// A JWT that it signed (RFC 7523 §2.2).
    Assertion(String),
}

/// What a client's assertion says, once its signature and form hold.
#[derive(Clone, Debug)]
pub struct Assertion {
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// `aud`, one or several.
    pub audiences: Vec<String>,
    /// `exp`.
    pub expires_at: OffsetDateTime,
    /// `nbf`, where it is said.
    pub not_before: Option<OffsetDateTime>,
    /// `jti`.
    pub id: String,
}

/// Makes and checks what clients prove themselves with.
pub trait ClientProofs: Send + Sync {
    /// A new secret, and what is kept of it.
    fn new_secret(&self) -> (SecretString, [u8; 32]);

    /// Whether this is the secret of which `hash` is kept; takes the same time whatever it is.
    fn is_secret(&self, secret: &SecretString, hash: &[u8; 32]) -> bool;

    /// Checks that a JWK in JSON is a valid public key of Ed25519 or P-256, and gives its canonical form.
    fn parse_key(&self, jwk: &str) -> Result<String, InvalidKey>;

    /// What a JWT says that this key signed; `None` where it did not, or where the key is one that would not be registered today.
    fn open_assertion(&self, assertion: &str, jwk: &str) -> Option<Assertion>;

    /// Who a JWT says that it is from, unchecked.
    fn issuer_of(&self, assertion: &str) -> Option<String>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        assert_eq!(
            "orders-api.v2".parse::<ClientId>().unwrap().as_str(),
            "orders-api.v2"
        );
        let somebody = "67e55044-10b1-426f-9247-bb680e5fe0c8";
        for name in [somebody, "", "a b", "a/b", "ä", "a:b", &"x".repeat(65)] {
            assert_eq!(name.parse::<ClientId>(), Err(InvalidClientId), "{name}");
        }
    }
}
