//! The signing keys in use.

use super::{
    seal::Sealer,
    signing_key::{self, KeyError, SigningKey},
};
use crate::domain::signing_key::{Algorithm, StoredSigningKey};

/// One key that signs, and all that verify.
pub struct KeyRing {
    signer: SigningKey,
    others: Vec<SigningKey>,
}

/// There is no usable set of keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    /// One of them cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// None signs with the wanted algorithm.
    #[error("there is no signing key for {0}")]
    NoSigner(Algorithm),
}

impl KeyRing {
    /// Opens all keys. The newest one for `algorithm` signs.
    ///
    /// # Errors
    /// When a key does not open, or none can sign.
    pub fn open(
        stored: &[StoredSigningKey],
        sealer: &Sealer,
        algorithm: Algorithm,
    ) -> Result<Self, KeyRingError> {
        let mut newest_first: Vec<_> = stored.iter().collect();
        newest_first.sort_by_key(|key| std::cmp::Reverse(key.created_at));
        let mut others = newest_first
            .into_iter()
            .map(|key| signing_key::open(key, sealer))
            .collect::<Result<Vec<_>, _>>()?;
        let signer = others
            .iter()
            .position(|key| key.algorithm == algorithm)
            .map(|index| others.remove(index))
            .ok_or(KeyRingError::NoSigner(algorithm))?;
        Ok(Self { signer, others })
    }

    pub(super) const fn signer(&self) -> &SigningKey {
        &self.signer
    }

    pub(super) fn verifier(&self, kid: &str) -> Option<&SigningKey> {
        std::iter::once(&self.signer)
            .chain(&self.others)
            .find(|key| key.kid == kid)
    }
}
