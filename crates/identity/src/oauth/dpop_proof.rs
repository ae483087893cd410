//! Demonstrating proof of possession (RFC 9449): tokens that are of no use without a key.

use std::{fmt, str::FromStr, time::Duration};

use async_trait::async_trait;
use time::OffsetDateTime;
use url::Url;

use crate::{authentication::KeyedHash, store::StoreError, token::LEEWAY};

/// How old a proof may be.
const MAX_AGE: Duration = Duration::from_mins(1);

/// How long it is remembered that a proof was used: as long as it is taken, by clocks that may be ahead or behind, and by those of
/// other instances. Not only until this one is too old: a clock that leaps and comes back would make it fresh again.
pub const REMEMBERED_FOR: Duration = MAX_AGE.saturating_add(LEEWAY.saturating_mul(3));

/// The RFC 7638 thumbprint of a public key, in base64url: `jkt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbprint(String);

/// The text is no SHA-256 in base64url.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a thumbprint")]
pub struct InvalidThumbprint;

impl FromStr for Thumbprint {
    type Err = InvalidThumbprint;

    fn from_str(text: &str) -> Result<Self, InvalidThumbprint> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if text.len() == 43 && text.bytes().all(is_allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidThumbprint)
        }
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a caller presents, and with which request.
#[derive(Clone, Debug)]
pub struct PresentedProof {
    /// The JWT.
    pub jwt: String,
    /// The request's method.
    pub method: String,
    /// Its URL.
    pub uri: String,
}

/// What a proof says, once its form and signature hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Of the key that signed it, which it brings along.
    pub key: Thumbprint,
    /// `jti`.
    pub id: String,
    /// `htm`.
    pub method: String,
    /// `htu`.
    pub uri: String,
    /// `iat`.
    pub issued_at: OffsetDateTime,
    /// `nonce`.
    pub nonce: Option<String>,
    /// `ath`.
    pub token_hash: Option<String>,
}

impl Proof {
    /// Whether it is for this request (RFC 9449 §4.3, checks 8 and 9): the method by its letters, the URL without query and
    /// fragment, after normalisation (RFC 3986 §6.2).
    #[must_use]
    pub fn is_for(&self, method: &str, uri: &str) -> bool {
        let target = |text: &str| {
            let mut url = Url::parse(text).ok()?;
            url.set_query(None);
            url.set_fragment(None);
            url.has_host().then_some(url)
        };
        self.method == method && target(&self.uri).is_some_and(|own| target(uri) == Some(own))
    }

    /// Whether it was made about now (check 11).
    #[must_use]
    pub fn is_recent(&self, now: OffsetDateTime) -> bool {
        self.issued_at <= now + LEEWAY && now < self.forgotten_at()
    }

    /// Until when it is taken, the difference of clocks included.
    fn forgotten_at(&self) -> OffsetDateTime {
        self.issued_at
            .saturating_add(time::Duration::try_from(MAX_AGE + LEEWAY).unwrap_or_default())
    }
}

/// Reads proofs, and makes what they have to contain.
pub trait DpopProofs: Send + Sync {
    /// What a proof says (RFC 9449 §4.3, checks 2 to 7); `None` where it is none.
    fn open(&self, jwt: &str) -> Option<Proof>;

    /// `ath` of an access token.
    fn token_hash(&self, access_token: &str) -> String;

    /// The nonce of this moment.
    fn nonce(&self, now: OffsetDateTime) -> String;

    /// Whether a nonce is of this moment, or of the one before.
    fn is_nonce(&self, nonce: &str, now: OffsetDateTime) -> bool;
}

/// Remembers what is good once. Shared by all instances where they have a store for it.
#[async_trait]
pub trait ReplayCache: Send + Sync {
    /// Whether this is the first time within `window`. Where it cannot be told, nobody may go on.
    async fn insert_if_new(&self, name: KeyedHash, window: Duration) -> Result<bool, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn proof(uri: &str) -> Proof {
        Proof {
            key: Thumbprint("k".into()),
            id: "j".into(),
            method: "GET".into(),
            uri: uri.into(),
            issued_at: NOW,
            nonce: None,
            token_hash: None,
        }
    }

    #[test]
    fn it_is_for_one_method_and_one_url_however_that_is_spelt() {
        let own = "https://api.example/orders";
        for same in [
            own,
            "https://API.example:443/orders",
            "HTTPS://api.example/./orders",
            "https://api.example/orders?a=b#c",
        ] {
            assert!(proof(same).is_for("GET", own), "{same}");
            assert!(proof(own).is_for("GET", same), "{same}");
        }
        for other in [
            "https://api.example/orders/",
            "https://api.example/Orders",
            "http://api.example/orders",
            "https://api.example:8443/orders",
            "https://api.example.evil/orders",
            "/orders",
            "data:orders",
            "",
        ] {
            assert!(!proof(other).is_for("GET", own), "{other}");
        }
        assert!(!proof(own).is_for("POST", own));
        assert!(!proof(own).is_for("get", own));
        assert!(!proof("").is_for("GET", ""), "nothing is nobody's");
    }

    #[test]
    fn it_is_good_for_a_minute_and_the_leeway() {
        let tick = Duration::from_millis(1);
        let end = NOW + MAX_AGE + LEEWAY;
        let recent = |now| proof("").is_recent(now);
        assert!(recent(NOW - LEEWAY) && !recent(NOW - LEEWAY - tick));
        assert!(recent(end - tick) && !recent(end));
    }

    #[test]
    fn a_thumbprint_is_43_letters_of_base64url() {
        assert!("k".repeat(43).parse::<Thumbprint>().is_ok());
        for text in ["", &"k".repeat(42), &"k".repeat(44), &"=".repeat(43)] {
            assert_eq!(text.parse::<Thumbprint>(), Err(InvalidThumbprint));
        }
    }
}
