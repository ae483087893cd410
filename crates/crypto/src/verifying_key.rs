//! Public keys of OAuth clients and devices, parsed from JWKs and validated (RFC 7517, RFC 7518 §6.2, RFC 8037 §2).

use holdfast_core::{ed25519, invalid_key::InvalidKey};
use std::fmt;

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, de::IgnoredAny};

/// Length of a coordinate, in bytes.
const COORDINATE: usize = 32;

/// A JWK as it was received. Members that do not concern a signature key are ignored.
#[derive(Deserialize)]
pub struct Jwk {
    kty: String,
    #[serde(default)]
    crv: String,
    #[serde(default)]
    x: String,
    y: Option<String>,
    alg: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    // Private members (RFC 7518 §6.2.2, §6.3.2, §6.4).
    d: Option<IgnoredAny>,
    k: Option<IgnoredAny>,
    p: Option<IgnoredAny>,
    q: Option<IgnoredAny>,
    dp: Option<IgnoredAny>,
    dq: Option<IgnoredAny>,
    qi: Option<IgnoredAny>,
    oth: Option<IgnoredAny>,
}

impl Jwk {
    const fn is_private(&self) -> bool {
        self.d.is_some()
            || self.k.is_some()
            || self.p.is_some()
            || self.q.is_some()
            || self.dp.is_some()
            || self.dq.is_some()
            || self.qi.is_some()
            || self.oth.is_some()
    }

    /// Whether `alg`, `use` and `key_ops` permit verifying signatures of one of these algorithms.
    fn is_for(&self, algorithms: &[&str]) -> bool {
        let is_named = |alg: &String| algorithms.contains(&alg.as_str());
        let verifies = |ops: &Vec<String>| ops.iter().any(|op| op == "verify");
        self.alg.as_ref().is_none_or(is_named)
            && self.r#use.as_ref().is_none_or(|usage| usage == "sig")
            && self.key_ops.as_ref().is_none_or(verifies)
    }
}

/// A point on one of the two curves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    Ed25519 { x: [u8; 32] },
    P256 { x: [u8; 32], y: [u8; 32] },
}

/// A public key of Ed25519 or P-256. It is a valid point in canonical encoding, and not of small order.
#[derive(Clone)]
pub struct VerifyingKey {
    point: Point,
    parsed: ParsedPublicKey,
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.point.fmt(f)
    }
}

impl VerifyingKey {
    /// An Ed25519 key from its encoding (RFC 8032 §5.1.5).
    ///
    /// # Errors
    /// [`InvalidKey::NotOnCurve`], [`InvalidKey::SmallOrder`].
    pub fn ed25519(x: [u8; 32]) -> Result<Self, InvalidKey> {
        ed25519::validate(&x)?;
        Ok(Self {
            point: Point::Ed25519 { x },
            parsed: ParsedPublicKey::new(&ED25519, x).map_err(|_| InvalidKey::NotOnCurve)?,
        })
    }

    /// A P-256 key from its coordinates, big-endian. The point at infinity has no coordinates.
    ///
    /// # Errors
    /// [`InvalidKey::NotOnCurve`].
    pub fn p256(x: [u8; 32], y: [u8; 32]) -> Result<Self, InvalidKey> {
        // SEC 1 §2.3.3: 0x04, x, y. The library checks that both are below the field's order and on the curve.
        let uncompressed = [[4].as_slice(), &x, &y].concat();
        let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, uncompressed);
        Ok(Self {
            point: Point::P256 { x, y },
            parsed: parsed.map_err(|_| InvalidKey::NotOnCurve)?,
        })
    }

    /// A key from a JWK in JSON.
    ///
    /// # Errors
    /// Any [`InvalidKey`].
    pub fn from_json(jwk: &str) -> Result<Self, InvalidKey> {
        let jwk: Jwk = serde_json::from_str(jwk).map_err(|_| InvalidKey::NoJwk)?;
        Self::try_from(&jwk)
    }

    /// The values of `alg` that it verifies. RFC 9864 added `Ed25519`.
    #[must_use]
    pub const fn algorithms(&self) -> &'static [&'static str] {
        match self.point {
            Point::Ed25519 { .. } => &["EdDSA", "Ed25519"],
            Point::P256 { .. } => &["ES256"],
        }
    }

    /// Whether `signature`, in base64url, is a signature of this key over `message`, and `alg` is one of its
    /// [`algorithms`](Self::algorithms).
    #[must_use]
    pub fn verifies(&self, alg: &str, message: &[u8], signature: &str) -> bool {
        self.algorithms().contains(&alg)
            && URL_SAFE_NO_PAD.decode(signature).is_ok_and(|signature| {
                let verified = self.parsed.verify_sig(message, &signature);
                verified.is_ok()
            })
    }

    /// The JWK with only the required members in lexicographic order, the input of the thumbprint (RFC 7638 §3).
    #[must_use]
    pub fn to_json(&self) -> String {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match &self.point {
            Point::Ed25519 { x } => {
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, encode(x))
            }
            Point::P256 { x, y } => format!(
                r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#,
                encode(x),
                encode(y)
            ),
        }
    }

    /// The JWK thumbprint with SHA-256, in base64url (RFC 7638).
    #[must_use]
    pub fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, self.to_json().as_bytes()))
    }

    /// The coordinates x and y of a P-256 key. `None`: it is an Ed25519 key.
    #[must_use]
    pub const fn p256_coordinates(&self) -> Option<([u8; 32], [u8; 32])> {
        match self.point {
            Point::P256 { x, y } => Some((x, y)),
            Point::Ed25519 { .. } => None,
        }
    }
}

impl TryFrom<&Jwk> for VerifyingKey {
    type Error = InvalidKey;

    fn try_from(jwk: &Jwk) -> Result<Self, InvalidKey> {
        if jwk.is_private() {
            return Err(InvalidKey::Private);
        }
        let key = match (jwk.kty.as_str(), jwk.crv.as_str(), &jwk.y) {
            ("OKP", "Ed25519", None) => Self::ed25519(coordinate(&jwk.x)?),
            ("EC", "P-256", Some(y)) => Self::p256(coordinate(&jwk.x)?, coordinate(y)?),
            _ => Err(InvalidKey::Unsupported),
        }?;
        if jwk.is_for(key.algorithms()) {
            Ok(key)
        } else {
            Err(InvalidKey::OtherPurpose)
        }
    }
}

fn coordinate(text: &str) -> Result<[u8; COORDINATE], InvalidKey> {
    let bytes = URL_SAFE_NO_PAD.decode(text);
    let bytes = bytes.map_err(|_| InvalidKey::Encoding)?;
    bytes.try_into().map_err(|_| InvalidKey::Encoding)
}

#[cfg(test)]
mod tests;
