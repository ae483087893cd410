//! `DPoP` proofs, JWTs of the type `dpop+jwt` that are parsed strictly, and nonces, which are MACs over the time (RFC 9449).

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_identity::oauth::{DpopCodec, DpopProof};
use serde::{Deserialize, de::IgnoredAny};
use time::OffsetDateTime;

use crate::{
    hash::sha256,
    jws::Unverified,
    verifying_key::{Jwk, VerifyingKey},
};

/// Maximum length of a proof, in bytes.
const MAX_LENGTH: usize = 4 * 1024;
const TYPE: &str = "dpop+jwt";

/// Time for which a nonce is issued, in seconds. It is accepted for as long again.
const SLOT: i64 = 120;
/// Length of a nonce, in bytes.
const MAC: usize = 16;

/// Verifies proofs, and issues and verifies nonces.
pub struct Dpop {
    nonces: hmac::Key,
}

impl Dpop {
    /// With the key of nonces.
    #[must_use]
    pub fn new(nonces: &[u8]) -> Self {
        Self {
            nonces: hmac::Key::new(hmac::HMAC_SHA256, nonces),
        }
    }

    fn nonce_of(&self, slot: i64) -> String {
        let mac = hmac::sign(&self.nonces, &slot.to_be_bytes());
        let truncated: Vec<_> = mac.as_ref().iter().copied().take(MAC).collect();
        URL_SAFE_NO_PAD.encode(truncated)
    }
}

/// The number of the interval in which this time lies.
fn slot(now: OffsetDateTime) -> i64 {
    now.unix_timestamp().div_euclid(SLOT)
}

#[derive(Deserialize)]
struct Header {
    typ: String,
    alg: String,
    jwk: Jwk,
    crit: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Payload {
    jti: String,
    htm: String,
    htu: String,
    iat: i64,
    nonce: Option<String>,
    ath: Option<String>,
}

impl DpopCodec for Dpop {
    fn decode(&self, jwt: &str) -> Option<DpopProof> {
        let jwt = Unverified::split(jwt, MAX_LENGTH)?;
        let header: Header = jwt.header()?;
        if header.typ != TYPE || header.crit.is_some() {
            return None;
        }
        let key = VerifyingKey::try_from(&header.jwk).ok()?;
        if !key.verifies(&header.alg, jwt.message.as_bytes(), jwt.signature) {
            return None;
        }
        let payload: Payload = jwt.payload()?;
        Some(DpopProof {
            key: key.thumbprint().parse().ok()?,
            id: payload.jti,
            method: payload.htm,
            uri: payload.htu,
            issued_at: OffsetDateTime::from_unix_timestamp(payload.iat).ok()?,
            nonce: payload.nonce,
            token_hash: payload.ath,
        })
    }

    fn token_hash(&self, access_token: &str) -> String {
        URL_SAFE_NO_PAD.encode(sha256(access_token))
    }

    fn nonce(&self, now: OffsetDateTime) -> String {
        self.nonce_of(slot(now))
    }

    fn is_current_nonce(&self, nonce: &str, now: OffsetDateTime) -> bool {
        [slot(now), slot(now) - 1]
            .into_iter()
            .any(|slot| self.nonce_of(slot) == nonce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonce_is_valid_in_its_slot_and_the_next() {
        let dpop = Dpop::new(&[1; 32]);
        let start = OffsetDateTime::UNIX_EPOCH;
        let nonce = dpop.nonce(start);
        let is_valid =
            |seconds| dpop.is_current_nonce(&nonce, start + time::Duration::seconds(seconds));
        assert!(is_valid(0) && is_valid(SLOT) && is_valid(2 * SLOT - 1));
        assert!(!is_valid(2 * SLOT) && !is_valid(-1));
        assert!(!Dpop::new(&[2; 32]).is_current_nonce(&nonce, start));
        assert!(!dpop.is_current_nonce("", start));
    }
}
