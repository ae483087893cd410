//! Signing keys: generation, sealing and opening.

use aws_lc_rs::{
    constant_time,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_core::invalid_key::InvalidKey;
use holdfast_identity::key::{Algorithm, PublicKey, StoredSigningKey};
use jsonwebtoken::{EncodingKey, crypto};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::{
    rsa_key::{self, RsaSigningKey, RsaVerifyingKey},
    seal::{DoesNotOpen, Sealer},
    verifying_key::VerifyingKey,
};

/// Why a signing key cannot be generated or used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It cannot be opened with this key-encryption key.
    #[error(transparent)]
    DoesNotOpen(#[from] DoesNotOpen),
    /// The store has no signing key.
    #[error("there is no signing key")]
    None,
    /// The cryptographic library rejects it. With its `kid`, or for a new key its algorithm, and the reason.
    #[error("signing key {0}: {1}")]
    Unusable(String, String),
}

/// An opened signing key.
pub(super) struct SigningKey {
    pub(super) kid: String,
    pub(super) algorithm: Algorithm,
    pub(super) signs_from: OffsetDateTime,
    private_half: PrivateHalf,
    public_half: PublicHalf,
}

/// What signs.
enum PrivateHalf {
    /// With the key pair by which signatures are verified, too.
    Ed25519(EncodingKey, Ed25519KeyPair),
    P256(EncodingKey),
    Rsa(RsaSigningKey),
}

/// What verifies.
enum PublicHalf {
    Curve(VerifyingKey),
    Rsa(RsaVerifyingKey),
}

/// Length of an Ed25519 signature, in bytes.
const ED25519_SIGNATURE: usize = 64;

/// Generates a key that signs from `signs_from` on, and seals it. An RSA key takes up to a second of a core.
///
/// # Errors
/// When the cryptographic library fails.
pub fn generate(
    algorithm: Algorithm,
    sealer: &Sealer,
    now: OffsetDateTime,
    signs_from: OffsetDateTime,
) -> Result<StoredSigningKey, KeyError> {
    let (kid, public_key, private_key) = match algorithm {
        Algorithm::EdDsa => generate_ed25519(),
        Algorithm::Es256 => generate_p256(),
        Algorithm::Rs256 => rsa_key::generate(),
    }
    .and_then(|(public_key, private_key)| {
        let kid = PublicHalf::new(&public_key)?.thumbprint();
        Ok((kid, public_key, private_key))
    })
    .map_err(|why| KeyError::Unusable(algorithm.to_string(), why))?;
    Ok(StoredSigningKey {
        sealed_private_key: sealer.seal(&kid, &private_key),
        kid,
        public_key,
        created_at: now,
        signs_from,
    })
}

/// Opens a stored key.
///
/// # Errors
/// When it cannot be opened, or its private key does not belong to its public key.
pub(super) fn open(stored: &StoredSigningKey, sealer: &Sealer) -> Result<SigningKey, KeyError> {
    let private_key = sealer.open(&stored.kid, &stored.sealed_private_key)?;
    let algorithm = stored.public_key.algorithm();
    let unusable = |why: String| KeyError::Unusable(stored.kid.clone(), why);
    let key = SigningKey {
        kid: stored.kid.clone(),
        algorithm,
        signs_from: stored.signs_from,
        private_half: PrivateHalf::new(algorithm, &private_key).map_err(unusable)?,
        public_half: PublicHalf::new(&stored.public_key).map_err(unusable)?,
    };
    key.self_test().map_err(unusable)?;
    Ok(key)
}

impl PrivateHalf {
    /// The key in this PKCS #8 document.
    fn new(algorithm: Algorithm, private_key: &[u8]) -> Result<Self, String> {
        Ok(match algorithm {
            Algorithm::EdDsa => {
                let pair = Ed25519KeyPair::from_pkcs8(private_key);
                let pair = pair.map_err(|why| why.to_string())?;
                Self::Ed25519(EncodingKey::from_ed_der(private_key), pair)
            }
            Algorithm::Es256 => Self::P256(EncodingKey::from_ec_der(private_key)),
            Algorithm::Rs256 => Self::Rsa(RsaSigningKey::from_pkcs8(private_key)?),
        })
    }
}

impl PublicHalf {
    fn new(public_key: &PublicKey) -> Result<Self, String> {
        let curve = match public_key {
            PublicKey::Ed25519 { x } => VerifyingKey::ed25519(*x),
            PublicKey::P256 { x, y } => VerifyingKey::p256(*x, *y),
            PublicKey::Rsa { n, e } => return RsaVerifyingKey::new(n, *e).map(Self::Rsa),
        };
        curve
            .map(Self::Curve)
            .map_err(|why: InvalidKey| why.to_string())
    }

    /// The JWK thumbprint (RFC 7638).
    fn thumbprint(&self) -> String {
        match self {
            Self::Curve(key) => key.thumbprint(),
            Self::Rsa(key) => key.thumbprint(),
        }
    }

    /// Whether `signature`, in base64url, is one over `message` by this algorithm.
    fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &str) -> bool {
        match self {
            Self::Curve(key) => key.verifies(algorithm.as_str(), message, signature),
            Self::Rsa(key) => algorithm == Algorithm::Rs256 && key.verifies(message, signature),
        }
    }
}

impl SigningKey {
    /// The signature over `message`, in base64url.
    pub(super) fn sign(&self, message: &[u8]) -> Result<String, String> {
        match &self.private_half {
            PrivateHalf::Ed25519(key, _) => {
                crypto::sign(message, key, jsonwebtoken::Algorithm::EdDSA)
            }
            PrivateHalf::P256(key) => crypto::sign(message, key, jsonwebtoken::Algorithm::ES256),
            PrivateHalf::Rsa(key) => return key.sign(message),
        }
        .map_err(|why| why.to_string())
    }

    /// Whether `signature`, in base64url, is that of this key for `message`. An Ed25519 signature is computed again and compared: Ed25519
    /// is deterministic (RFC 8032 §5.1.6), and signing takes a quarter of the time of verifying. ECDSA signatures are randomized, and
    /// signing with RSA takes much longer than verifying.
    pub(super) fn has_signed(&self, signature: &str, message: &[u8]) -> bool {
        match &self.private_half {
            PrivateHalf::Ed25519(_, pair) => is_signed_again(pair, signature, message),
            PrivateHalf::P256(_) | PrivateHalf::Rsa(_) => {
                self.public_half
                    .verifies(self.algorithm, message, signature)
            }
        }
    }

    /// Signs and verifies once, so that a private key that does not belong to the public key is detected at start.
    fn self_test(&self) -> Result<(), String> {
        const MESSAGE: &[u8] = b"self-test";
        let signature = self.sign(MESSAGE)?;
        let is_verified = self
            .public_half
            .verifies(self.algorithm, MESSAGE, &signature);
        if is_verified && self.has_signed(&signature, MESSAGE) {
            Ok(())
        } else {
            Err("the private key does not belong to the public key".to_owned())
        }
    }
}

/// Signs again and compares in constant time, as the number of equal bytes would help to guess a signature.
fn is_signed_again(pair: &Ed25519KeyPair, signature: &str, message: &[u8]) -> bool {
    let mut presented = [0; ED25519_SIGNATURE];
    let length = URL_SAFE_NO_PAD.decode_slice(signature, &mut presented);
    length == Ok(ED25519_SIGNATURE)
        && constant_time::verify_slices_are_equal(pair.sign(message).as_ref(), &presented).is_ok()
}

type Generated = Result<(PublicKey, Zeroizing<Vec<u8>>), String>;

fn generate_ed25519() -> Generated {
    let pair = Ed25519KeyPair::generate().map_err(|why| why.to_string())?;
    let private_key = pair.to_pkcs8v1().map_err(|why| why.to_string())?;
    let x = pair.public_key().as_ref().try_into();
    Ok((
        PublicKey::Ed25519 {
            x: x.map_err(|_| "unexpected length")?,
        },
        Zeroizing::new(private_key.as_ref().to_vec()),
    ))
}

fn generate_p256() -> Generated {
    let pair =
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|why| why.to_string())?;
    let private_key = pair.to_pkcs8v1().map_err(|why| why.to_string())?;
    // SEC 1 §2.3.3: 0x04, x, y.
    let point = pair.public_key().as_ref();
    let coordinate = |range| {
        let bytes: Option<&[u8]> = point.get::<std::ops::Range<usize>>(range);
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or("unexpected length")
    };
    Ok((
        PublicKey::P256 {
            x: coordinate(1..33)?,
            y: coordinate(33..65)?,
        },
        Zeroizing::new(private_key.as_ref().to_vec()),
    ))
}
