//! Signing keys as they are stored and published.

use std::{cmp::Reverse, fmt, str::FromStr};

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
#[derive(Clone)]
pub struct StoredSigningKey {
    /// Its RFC 7638 thumbprint.
    pub kid: String,
    /// The public half.
    pub public_key: PublicKey,
    /// The private half, sealed.
    pub sealed_private_key: Vec<u8>,
    /// When it was made.
    pub created_at: OffsetDateTime,
}

/// Puts the key that signs first: the newest one for `algorithm`. The others follow, and only verify.
pub fn put_signer_first(keys: &mut [StoredSigningKey], algorithm: Algorithm) {
    keys.sort_by_key(|key| {
        let signs = key.public_key.algorithm() == algorithm;
        (Reverse(signs), Reverse(key.created_at))
    });
}
