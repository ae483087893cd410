//! The key ring.

use holdfast_identity::key::{
    Algorithm, StoredSigningKey, access_token_key_index, id_token_key_index,
};
use time::OffsetDateTime;

use crate::{
    seal::Sealer,
    signing_key::{self, KeyError, SigningKey},
};

/// The signing keys that an instance holds in memory. One of them signs access tokens, one of each algorithm ID tokens, and all verify.
pub struct KeyRing {
    keys: Vec<SigningKey>,
    stored: Vec<StoredSigningKey>,
    algorithm: Algorithm,
}

impl KeyRing {
    /// Opens all keys, each of which signs from its time on. Those of `algorithm` sign access tokens.
    ///
    /// # Errors
    /// When a key cannot be opened, or there is none.
    pub fn open(
        stored: Vec<StoredSigningKey>,
        algorithm: Algorithm,
        sealer: &Sealer,
    ) -> Result<Self, KeyError> {
        if stored.is_empty() {
            return Err(KeyError::None);
        }
        Ok(Self {
            keys: stored
                .iter()
                .map(|key| signing_key::open(key, sealer))
                .collect::<Result<_, _>>()?,
            stored,
            algorithm,
        })
    }

    /// The key that signs access tokens at this time.
    pub(super) fn signer(&self, at: OffsetDateTime) -> Option<&SigningKey> {
        let keys = self.keys.iter().map(|key| (key.algorithm, key.signs_from));
        access_token_key_index(keys, self.algorithm, at).and_then(|index| self.keys.get(index))
    }

    /// The key that signs ID tokens of exactly this algorithm at this time.
    pub(super) fn signer_of(
        &self,
        algorithm: Algorithm,
        at: OffsetDateTime,
    ) -> Option<&SigningKey> {
        let keys = self.keys.iter().map(|key| (key.algorithm, key.signs_from));
        id_token_key_index(keys, algorithm, at).and_then(|index| self.keys.get(index))
    }

    /// The key with this `kid`.
    pub(super) fn verifier(&self, kid: &str) -> Option<&SigningKey> {
        self.keys.iter().find(|key| key.kid == kid)
    }

    /// All keys in the order of the JWKS: the one that signs access tokens at this time, then the others.
    pub(super) fn published(&self, at: OffsetDateTime) -> Vec<StoredSigningKey> {
        let signer = self.signer(at).map(|key| key.kid.as_str());
        let mut keys = self.stored.clone();
        keys.sort_by_key(|key| Some(key.kid.as_str()) != signer);
        keys
    }

    /// All keys as they were opened.
    pub(super) fn stored(&self) -> &[StoredSigningKey] {
        &self.stored
    }
}
