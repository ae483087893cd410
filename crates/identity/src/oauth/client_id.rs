//! Identifiers of OAuth clients.

use std::{fmt, str::FromStr};

use url::Url;

use crate::{id::UserId, oauth::relying_party::is_loopback};

/// A `client_id`: 1 to 64 ASCII letters, digits and `._-`, and no UUID; or the URL of a client's metadata (OAuth Client ID Metadata Document §3):
/// `https`, or `http` on a loopback host, with a path, and written as browsers write it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(String);

/// The text is not a `client_id`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "a client_id is 1 to 64 ASCII letters, digits and . _ -, and no UUID; or the https URL of the client's metadata"
)]
pub struct InvalidClientId;

impl ClientId {
    const MAX_LENGTH: usize = 64;
    const MAX_URL_LENGTH: usize = 256;

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

    /// The URL of the client's metadata; `None` where it is registered.
    #[must_use]
    pub fn document_url(&self) -> Option<Url> {
        document_url(&self.0)
    }

    /// The OAuth client that a login ticket is exchanged for: the programs of the installation itself. It is registered by the store
    /// when that is created, and has no secret.
    #[must_use]
    pub fn first_party() -> Self {
        Self("first-party".to_owned())
    }
}

/// The URL, if a text is one of a client's metadata. A name is none, as it has no colon.
fn document_url(text: &str) -> Option<Url> {
    if text.len() > ClientId::MAX_URL_LENGTH || !text.contains(':') {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let is_permitted = match url.scheme() {
        "https" => url.has_host(),
        "http" => is_loopback(&url),
        _ => false,
    };
    // One that is written otherwise, as with dots for segments of the path, is another text for the same document.
    let has_surplus =
        url.fragment().is_some() || !url.username().is_empty() || url.password().is_some();
    (is_permitted && !has_surplus && url.path() != "/" && url.as_str() == text).then_some(url)
}

impl FromStr for ClientId {
    type Err = InvalidClientId;

    fn from_str(text: &str) -> Result<Self, InvalidClientId> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        // A `client_id` becomes a `sub`, which must not be that of an account (RFC 9700 §4.15).
        let is_account = text.parse::<UserId>().is_ok();
        let has_length = (1..=Self::MAX_LENGTH).contains(&text.len());
        let is_name = has_length && text.bytes().all(is_allowed) && !is_account;
        if is_name || document_url(text).is_some() {
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

    #[test]
    fn url_of_metadata_has_a_path_and_one_spelling() {
        for url in [
            "https://app.example/client.json",
            "https://app.example:8443/oauth/client?tenant=1",
            "http://localhost:3000/client.json",
            "http://127.0.0.1:3000/client.json",
        ] {
            let id: ClientId = url.parse().unwrap();
            assert_eq!(id.document_url().unwrap().as_str(), url);
        }
        assert_eq!("orders".parse::<ClientId>().unwrap().document_url(), None);
        let long = format!("https://app.example/{}", "x".repeat(256));
        for url in [
            "https://app.example",
            "https://app.example/",
            "https://app.example?a=b",
            "https://APP.example/client.json",
            "https://app.example:443/client.json",
            "https://app.example/a/../client.json",
            "https://app.example/./client.json",
            "https://app.example/%2e%2e/client.json",
            "https://app.example/client.json#a",
            "https://user@app.example/client.json",
            "https://app.example\\client.json",
            "https://app.example/client json",
            "http://app.example/client.json",
            "ftp://app.example/client.json",
            "data:application/json,{}",
            &long,
        ] {
            assert_eq!(url.parse::<ClientId>(), Err(InvalidClientId), "{url}");
        }
    }
}
