//! Credential public keys in `COSE_Key` form (RFC 9052 §7, WebAuthn §6.5.1), and signatures of them.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents,
};
use holdfast_core::{ed25519, invalid_key::InvalidKey};
use serde::{Serialize, Serializer};

use crate::cbor::{InvalidCbor, Value};

// Labels of parameters (RFC 9052 §7.1, RFC 9053 §7, RFC 8230 §4).
const KTY: i128 = 1;
const ALG: i128 = 3;
const CRV: i128 = -1;
const X: i128 = -2;
const Y: i128 = -3;
const N: i128 = -1;
const E: i128 = -2;

// Key types and curves.
const OKP: i128 = 1;
const EC2: i128 = 2;
const RSA: i128 = 3;
const P256: i128 = 1;
const CURVE_ED25519: i128 = 6;

/// Length of a coordinate, in bytes.
const COORDINATE: usize = 32;

/// Lengths of an RSA modulus, in bytes: 2048 to 4096 bits.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=512;

/// 65537, the public exponent that is used.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// A signature algorithm of credentials (`COSEAlgorithmIdentifier`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA with P-256 and SHA-256 (-7), the one that every security key has.
    Es256,
    /// Ed25519 (-8).
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (-257), for Windows Hello with an older TPM.
    Rs256,
}

impl Algorithm {
    /// Every algorithm, the preferred one first.
    pub const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Rs256];

    /// The identifier in the IANA registry "COSE Algorithms".
    #[must_use]
    pub const fn id(self) -> i32 {
        match self {
            Self::Es256 => -7,
            Self::EdDsa => -8,
            Self::Rs256 => -257,
        }
    }

    /// The algorithm with this identifier; `None` if it is not supported.
    #[must_use]
    pub fn from_id(id: i128) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|algorithm| i128::from(algorithm.id()) == id)
    }
}

impl Serialize for Algorithm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i32(self.id())
    }
}

/// Why a credential public key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPublicKey {
    /// It is not CBOR.
    #[error(transparent)]
    Cbor(#[from] InvalidCbor),
    /// `alg` is missing, or none of [`Algorithm`].
    #[error("the algorithm of the key is not supported")]
    UnsupportedAlgorithm,
    /// A parameter is missing, unknown, of another type or length, or does not fit `alg`.
    #[error("the parameters of the key are not those of its algorithm")]
    Parameters,
    /// The numbers are no public key, or one of small order.
    #[error("the key is invalid")]
    Key,
}

/// A public key of a credential: valid, and for one algorithm.
#[derive(Clone, Debug)]
pub struct PublicKey {
    cose: Vec<u8>,
    algorithm: Algorithm,
    parsed: ParsedPublicKey,
}

impl PublicKey {
    /// Reads a `COSE_Key`, as it is stored.
    ///
    /// # Errors
    /// Any [`InvalidPublicKey`].
    pub fn from_cose(cose: &[u8]) -> Result<Self, InvalidPublicKey> {
        Self::new(&Value::parse(cose)?, cose)
    }

    /// Reads the `COSE_Key` that `bytes` begin with; returns its length, too.
    pub(crate) fn parse_prefix(bytes: &[u8]) -> Result<(Self, usize), InvalidPublicKey> {
        let (value, length) = Value::parse_prefix(bytes)?;
        let cose = bytes.get(..length).ok_or(InvalidCbor::Malformed)?;
        Ok((Self::new(&value, cose)?, length))
    }

    fn new(key: &Value<'_>, cose: &[u8]) -> Result<Self, InvalidPublicKey> {
        let algorithm = integer(key, ALG).and_then(Algorithm::from_id);
        let algorithm = algorithm.ok_or(InvalidPublicKey::UnsupportedAlgorithm)?;
        let parsed = match algorithm {
            Algorithm::Es256 => es256(key),
            Algorithm::EdDsa => eddsa(key),
            Algorithm::Rs256 => rs256(key),
        }?;
        Ok(Self {
            cose: cose.to_vec(),
            algorithm,
            parsed,
        })
    }

    /// The algorithm of its signatures.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The `COSE_Key`, as the authenticator encoded it.
    #[must_use]
    pub fn as_cose(&self) -> &[u8] {
        &self.cose
    }

    /// Whether `signature` is one of this key over `message` (WebAuthn §6.5.5).
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.parsed.verify_sig(message, signature).is_ok()
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.cose == other.cose
    }
}

impl Eq for PublicKey {}

fn integer(key: &Value<'_>, label: i128) -> Option<i128> {
    key.get(&Value::Integer(label))?.as_integer()
}

fn bytes<'b>(key: &Value<'b>, label: i128) -> Option<&'b [u8]> {
    key.get(&Value::Integer(label))?.as_bytes()
}

/// Checks the key type and the number of parameters: optional ones other than `alg` are not allowed (WebAuthn §6.5.1).
fn has_form(key: &Value<'_>, kty: i128, parameters: usize) -> Result<(), InvalidPublicKey> {
    let is_complete = key.as_map().is_some_and(|map| map.len() == parameters);
    if is_complete && integer(key, KTY) == Some(kty) {
        Ok(())
    } else {
        Err(InvalidPublicKey::Parameters)
    }
}

/// Checks the curve.
fn is_on(key: &Value<'_>, curve: i128) -> Result<(), InvalidPublicKey> {
    if integer(key, CRV) == Some(curve) {
        Ok(())
    } else {
        Err(InvalidPublicKey::Parameters)
    }
}

fn coordinate(key: &Value<'_>, label: i128) -> Result<[u8; COORDINATE], InvalidPublicKey> {
    let bytes = bytes(key, label).ok_or(InvalidPublicKey::Parameters)?;
    bytes.try_into().map_err(|_| InvalidPublicKey::Parameters)
}

fn es256(key: &Value<'_>) -> Result<ParsedPublicKey, InvalidPublicKey> {
    has_form(key, EC2, 5)?;
    is_on(key, P256)?;
    // SEC 1 §2.3.3: 0x04, x, y. The library checks that both are below the field's order and on the curve.
    let point = [[4].as_slice(), &coordinate(key, X)?, &coordinate(key, Y)?].concat();
    ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).map_err(|_| InvalidPublicKey::Key)
}

fn eddsa(key: &Value<'_>) -> Result<ParsedPublicKey, InvalidPublicKey> {
    has_form(key, OKP, 4)?;
    is_on(key, CURVE_ED25519)?;
    let x = coordinate(key, X)?;
    ed25519::validate(&x).map_err(|_: InvalidKey| InvalidPublicKey::Key)?;
    ParsedPublicKey::new(&ED25519, x).map_err(|_| InvalidPublicKey::Key)
}

fn rs256(key: &Value<'_>) -> Result<ParsedPublicKey, InvalidPublicKey> {
    has_form(key, RSA, 4)?;
    let n = bytes(key, N).ok_or(InvalidPublicKey::Parameters)?;
    let e = bytes(key, E).ok_or(InvalidPublicKey::Parameters)?;
    // RFC 8230 §4: no leading zeros. 2048 bits, as the library requires at verification, need the highest bit of 256 bytes.
    let is_large = n.len() > *MODULUS.start() || n.first().is_some_and(|byte| byte & 0x80 != 0);
    let is_odd = n.last().is_some_and(|byte| byte & 1 == 1);
    if !MODULUS.contains(&n.len()) || n.first() == Some(&0) || !is_large || !is_odd || e != EXPONENT
    {
        return Err(InvalidPublicKey::Key);
    }
    let components = RsaPublicKeyComponents { n, e };
    let parsed = components.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256);
    parsed.map_err(|_| InvalidPublicKey::Key)
}

#[cfg(test)]
mod tests;
