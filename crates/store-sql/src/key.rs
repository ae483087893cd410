//! Signing keys.

use holdfast_identity::{
    key::{Algorithm, PublicKey, StoredSigningKey},
    store::StoreError,
};

use crate::{SqlRow, parse, time};

/// The columns of `signing_keys` that [`signing_key`] reads.
pub const SIGNING_KEY: &str =
    "kid, algorithm, public_key, sealed_private_key, created_at, signs_from";

/// Lengths of the modulus of an RSA key, in bytes: 2048 and 3072 bits.
const RSA_MODULUS: [usize; 2] = [256, 384];

/// A row of `signing_keys`.
///
/// # Errors
/// When a column is missing or invalid.
pub fn signing_key(row: &impl SqlRow) -> Result<StoredSigningKey, StoreError> {
    let public_key = public_key(parse(row, "algorithm")?, row.bytes("public_key")?);
    Ok(StoredSigningKey {
        kid: row.text("kid")?.to_owned(),
        public_key: public_key
            .ok_or_else(|| StoreError::Corrupt("the public key of a signing key".to_owned()))?,
        sealed_private_key: row.bytes("sealed_private_key")?.to_vec(),
        created_at: time(row, "created_at")?,
        signs_from: time(row, "signs_from")?,
    })
}

fn public_key(algorithm: Algorithm, bytes: &[u8]) -> Option<PublicKey> {
    match algorithm {
        Algorithm::EdDsa => Some(PublicKey::Ed25519 {
            x: bytes.try_into().ok()?,
        }),
        Algorithm::Es256 => {
            let (x, y) = bytes.split_at_checked(32)?;
            Some(PublicKey::P256 {
                x: x.try_into().ok()?,
                y: y.try_into().ok()?,
            })
        }
        Algorithm::Rs256 => {
            let (e, n) = bytes.split_first_chunk()?;
            RSA_MODULUS.contains(&n.len()).then(|| PublicKey::Rsa {
                n: n.to_vec(),
                e: *e,
            })
        }
    }
}
