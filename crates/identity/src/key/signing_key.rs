//! Signing keys as they are stored and published.

use std::{fmt, str::FromStr, time::Duration};

use time::OffsetDateTime;

/// How a key signs. A key is good for one algorithm only (RFC 8725 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// ECDSA on P-256 with SHA-256 (RFC 7518 §3.4).
    Es256,
}

impl Algorithm {
    /// The value of `alg`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::EdDsa, Self::Es256]
            .into_iter()
            .find(|algorithm| algorithm.as_str() == text)
            .ok_or("must be EdDSA or ES256")
    }
}

/// The public half of a signing key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// An Edwards point.
    Ed25519 {
        /// Its encoding.
        x: [u8; 32],
    },
    /// A point on P-256.
    P256 {
        /// One coordinate, big-endian.
        x: [u8; 32],
        /// The other.
        y: [u8; 32],
    },
}

impl PublicKey {
    /// The one algorithm this key is good for.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ed25519 { .. } => Algorithm::EdDsa,
            Self::P256 { .. } => Algorithm::Es256,
        }
    }
}

/// A signing key at rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSigningKey {
    /// Its RFC 7638 thumbprint.
    pub kid: String,
    /// The public half.
    pub public_key: PublicKey,
    /// The private half, sealed.
    pub sealed_private_key: Vec<u8>,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// From when on it signs, until the next one does.
    pub signs_from: OffsetDateTime,
}

/// How long a key is published before it signs: longer than anybody keeps a copy of the JWKS.
pub const PUBLISHED_BEFORE: Duration = Duration::from_mins(10);

/// The place of the key that signs at `at`: the latest one of `algorithm` that has begun to, or of any while none has.
pub fn signer<'a>(
    keys: impl Iterator<Item = (Algorithm, OffsetDateTime)> + Clone + 'a,
    algorithm: Algorithm,
    at: OffsetDateTime,
) -> Option<usize> {
    let keys = keys.enumerate();
    let begun = keys.clone().filter(|(_, key)| key.1 <= at);
    let signer = begun.max_by_key(|(_, key)| (key.0 == algorithm, key.1));
    // Where none has begun, as after a clock was set back, the first one begins now.
    let signer = signer.or_else(|| keys.min_by_key(|(_, key)| (key.0 != algorithm, key.1)));
    signer.map(|(place, _)| place)
}

/// Those of `keys` that only verified, and whose last token is dead at `now`: another key has signed for longer than
/// `longest_life`.
#[must_use]
pub fn outlived(
    keys: &[StoredSigningKey],
    algorithm: Algorithm,
    longest_life: Duration,
    now: OffsetDateTime,
) -> Vec<&StoredSigningKey> {
    let is_outlived = |key: &StoredSigningKey| {
        let successor = |other: &StoredSigningKey| {
            other.public_key.algorithm() == algorithm && other.signs_from > key.signs_from
        };
        let mut later = keys.iter().filter(|other| successor(other));
        later.any(|other| other.signs_from + longest_life < now)
    };
    keys.iter().filter(|key| is_outlived(key)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
    const HOUR: Duration = Duration::from_hours(1);

    fn key(kid: &str, signs_from: OffsetDateTime) -> StoredSigningKey {
        StoredSigningKey {
            kid: kid.to_owned(),
            public_key: PublicKey::Ed25519 { x: [0; 32] },
            sealed_private_key: Vec::new(),
            created_at: signs_from,
            signs_from,
        }
    }

    #[test]
    fn the_latest_that_has_begun_signs() {
        let keys = [
            (Algorithm::EdDsa, START),
            (Algorithm::EdDsa, START + HOUR),
            (Algorithm::Es256, START + HOUR),
        ];
        let at = |at| signer(keys.into_iter(), Algorithm::EdDsa, at);
        assert_eq!(at(START), Some(0));
        assert_eq!(at(START + HOUR - Duration::from_millis(1)), Some(0));
        assert_eq!(at(START + HOUR), Some(1));
        assert_eq!(at(START - HOUR), Some(0), "a clock that was set back");
        assert_eq!(signer([].into_iter(), Algorithm::EdDsa, START), None);
    }

    #[test]
    fn a_key_goes_when_the_last_token_it_signed_is_dead() {
        let keys = [key("old", START), key("new", START + HOUR)];
        let gone = |now| {
            let gone = outlived(&keys, Algorithm::EdDsa, HOUR, now);
            gone.iter().map(|key| key.kid.as_str()).collect::<Vec<_>>()
        };
        assert!(gone(START + HOUR * 2).is_empty());
        assert_eq!(gone(START + HOUR * 2 + Duration::from_millis(1)), ["old"]);
        assert_eq!(gone(START + HOUR * 1000), ["old"], "the last one stays");
    }
}
