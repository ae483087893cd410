//! Identifiers of OAuth clients.

use std::{fmt, str::FromStr};

use crate::id::UserId;

/// A `client_id`: 1 to 64 ASCII letters, digits and `._-`, and no UUID.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(String);

/// The text is not a `client_id`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a client_id is 1 to 64 ASCII letters, digits and . _ -, and no UUID")]
pub struct InvalidClientId;

impl ClientId {
    const MAX_LENGTH: usize = 64;

    /// Returns the text of the identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The identifier of an OAuth client that registers itself, made of random bytes.
    #[must_use]
    pub fn generated(random: [u8; 16]) -> Self {
        Self(format!("client-{:032x}", u128::from_be_bytes(random)))
    }

    /// The OAuth client that a login ticket is exchanged for: the programs of the installation itself. It is registered by the store
    /// when that is created, and has no secret.
    #[must_use]
    pub fn first_party() -> Self {
        Self("first-party".to_owned())
    }
}

impl FromStr for ClientId {
    type Err = InvalidClientId;

    fn from_str(text: &str) -> Result<Self, InvalidClientId> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        // A `client_id` becomes a `sub`, which must not be that of an account (RFC 9700 §4.15).
        let is_account = text.parse::<UserId>().is_ok();
        let has_length = (1..=Self::MAX_LENGTH).contains(&text.len());
        if has_length && text.bytes().all(is_allowed) && !is_account {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_id_with_other_characters_or_like_an_account_is_refused() {
        assert_eq!(
            "orders-api.v2".parse::<ClientId>().unwrap().as_str(),
            "orders-api.v2"
        );
        let generated = ClientId::generated([255; 16]);
        assert_eq!(generated.as_str().parse(), Ok(generated.clone()));
        let account = "67e55044-10b1-426f-9247-bb680e5fe0c8";
        for name in [account, "", "a b", "a/b", "ä", "a:b", &"x".repeat(65)] {
            assert_eq!(name.parse::<ClientId>(), Err(InvalidClientId), "{name}");
        }
    }
}
