//! Signing keys as they are stored and published.

use std::{fmt, str::FromStr};

use time::OffsetDateTime;

/// A signature algorithm. Each key is used with one algorithm only (RFC 8725 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// ECDSA on P-256 with SHA-256 (RFC 7518 §3.4).
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 §3.3), for ID tokens only.
    Rs256,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Rs256];

    /// Whether keys of this algorithm sign and verify access tokens. RSA keys do neither: every access token is verified by this service,
    /// so that no relying party needs one.
    #[must_use]
    pub const fn is_for_access_tokens(self) -> bool {
        match self {
            Self::EdDsa | Self::Es256 => true,
            Self::Rs256 => false,
        }
    }

    /// The value of `alg`: `EdDSA`, `ES256` or `RS256`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
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
        let mut all = Self::ALL.into_iter();
        all.find(|algorithm| algorithm.as_str() == text)
            .ok_or("must be EdDSA, ES256 or RS256")
    }
}

/// The public half of a signing key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// A point of the curve edwards25519.
    Ed25519 {
        /// Its encoding (RFC 8032 §5.1.2).
        x: [u8; 32],
    },
    /// A point on P-256.
    P256 {
        /// The x coordinate, big-endian.
        x: [u8; 32],
        /// The y coordinate, big-endian.
        y: [u8; 32],
    },
    /// An RSA key.
    Rsa {
        /// The modulus of 2048 or 3072 bits, big-endian without leading zeros.
        n: Vec<u8>,
        /// The exponent 65537, big-endian.
        e: [u8; 3],
    },
}

impl PublicKey {
    /// The algorithm that this key is used with.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ed25519 { .. } => Algorithm::EdDsa,
            Self::P256 { .. } => Algorithm::Es256,
            Self::Rsa { .. } => Algorithm::Rs256,
        }
    }
}

/// A signing key as it is stored, with its private half sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSigningKey {
    /// The RFC 7638 thumbprint of the public half.
    pub kid: String,
    /// The public half, which is published in the JWKS.
    pub public_key: PublicKey,
    /// The private half, sealed with the key-encryption key.
    pub sealed_private_key: Vec<u8>,
    /// Time of creation, UTC.
    pub created_at: OffsetDateTime,
    /// Time from which the key signs, UTC, until a later key does.
    pub signs_from: OffsetDateTime,
}
