//! The signing keys in use.

use super::{
    seal::Sealer,
    signing_key::{self, KeyError, SigningKey},
};
use crate::domain::signing_key::StoredSigningKey;

/// One key that signs, and all that verify.
pub struct KeyRing {
    signer: SigningKey,
    others: Vec<SigningKey>,
}

impl KeyRing {
    /// Opens all keys. The first one signs.
    ///
    /// # Errors
    /// When a key does not open, or there is none.
    pub fn open(stored: &[StoredSigningKey], sealer: &Sealer) -> Result<Self, KeyError> {
        let (signer, others) = stored.split_first().ok_or(KeyError::None)?;
        Ok(Self {
            signer: signing_key::open(signer, sealer)?,
            others: others
                .iter()
                .map(|key| signing_key::open(key, sealer))
                .collect::<Result<_, _>>()?,
        })
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
