//! DPoP proofs: JWTs that show possession of a key (RFC 9449).

use std::time::Duration;

use time::OffsetDateTime;
use url::Url;

use crate::{leeway::LEEWAY, oauth::KeyThumbprint};

/// Maximum age of a proof.
const MAX_AGE: Duration = Duration::from_mins(1);

/// Time for which a used proof is kept in the replay cache: as long as an instance whose clock is behind or ahead may accept it,
/// and not only until this instance considers it too old, since its own clock may be wrong for a while.
pub const PROOF_REPLAY_WINDOW: Duration = MAX_AGE.saturating_add(LEEWAY.saturating_mul(3));

/// A proof as a caller presents it, with the request that it came with.
#[derive(Clone, Debug)]
pub struct PresentedProof {
    /// The JWT of type `dpop+jwt`, not verified.
    pub jwt: String,
    /// The HTTP method of the request, which must equal `htm`.
    pub method: String,
    /// The URL of the request, which must equal `htu`.
    pub uri: String,
}

/// The content of a proof whose form and signature were verified (RFC 9449 §4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DpopProof {
    /// Thumbprint of the key in `jwk`, which verifies the signature.
    pub key: KeyThumbprint,
    /// `jti`, which may be used once with this key.
    pub id: String,
    /// `htm`: the HTTP method.
    pub method: String,
    /// `htu`: the URL, in any spelling.
    pub uri: String,
    /// `iat`, UTC.
    pub issued_at: OffsetDateTime,
    /// `nonce`, if there is one.
    pub nonce: Option<String>,
    /// `ath`, the hash of the access token, if there is one.
    pub token_hash: Option<String>,
}

impl DpopProof {
    /// Whether the proof is for this request (RFC 9449 §4.3, checks 8 and 9): methods are compared exactly, URLs without query and
    /// fragment after normalization (RFC 3986 §6.2).
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

    /// Whether the proof was made within the last minute, give or take [`LEEWAY`] (check 11).
    #[must_use]
    pub fn is_recent(&self, now: OffsetDateTime) -> bool {
        self.issued_at <= now + LEEWAY && now < self.expires_at()
    }

    fn expires_at(&self) -> OffsetDateTime {
        self.issued_at
            .saturating_add(time::Duration::try_from(MAX_AGE + LEEWAY).unwrap_or_default())
    }
}

/// Decodes proofs, and makes the values that they must contain.
pub trait DpopCodec: Send + Sync {
    /// Returns the content of a proof after checks 2 to 7 of RFC 9449 §4.3; `None` if one of them fails.
    fn decode(&self, jwt: &str) -> Option<DpopProof>;

    /// Returns `ath` of an access token: its SHA-256 in base64url.
    fn token_hash(&self, access_token: &str) -> String;

    /// Returns the nonce of the interval that contains `now`.
    fn nonce(&self, now: OffsetDateTime) -> String;

    /// Whether `nonce` is that of the interval that contains `now`, or of the previous one.
    fn is_current_nonce(&self, nonce: &str, now: OffsetDateTime) -> bool;
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn proof(uri: &str) -> DpopProof {
        DpopProof {
            key: "k".repeat(43).parse().unwrap(),
            id: "j".into(),
            method: "GET".into(),
            uri: uri.into(),
            issued_at: NOW,
            nonce: None,
            token_hash: None,
        }
    }

    #[test]
    fn proof_is_for_one_method_and_equivalent_urls() {
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
        assert!(!proof("").is_for("GET", ""), "an empty URL matches nothing");
    }

    #[test]
    fn proof_is_recent_for_a_minute_and_the_leeway() {
        let tick = Duration::from_millis(1);
        let end = NOW + MAX_AGE + LEEWAY;
        let recent = |now| proof("").is_recent(now);
        assert!(recent(NOW - LEEWAY) && !recent(NOW - LEEWAY - tick));
        assert!(recent(end - tick) && !recent(end));
    }
}
