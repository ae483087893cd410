//! Verification of DPoP proofs (RFC 9449 §4.3).

use std::sync::Arc;

use holdfast_core::{
    clock::Clock,
    replay_cache::{ReplayCache, ReplayCacheError},
};

use crate::{
    authentication::KeyedHasher,
    dependencies::Dependencies,
    error::{Fault, fault_from},
    oauth::{DpopCodec, KeyThumbprint, PROOF_REPLAY_WINDOW, PresentedProof},
};

/// Why a request lacks a valid proof. Each reason carries a nonce for the next proof.
#[derive(Debug, thiserror::Error)]
pub enum DpopError {
    /// A proof is required, and there is none.
    #[error("a DPoP proof is required")]
    Required(String),
    /// The proof is not valid for this request, token and key, or was used before.
    #[error("the DPoP proof is not valid")]
    Invalid(String),
    /// The proof has no current nonce.
    #[error("the DPoP proof must contain the nonce of this answer")]
    NonceRequired(String),
    /// The service failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

fault_from!(DpopError: ReplayCacheError);

/// What a proof must satisfy besides its own form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProofRequirements<'a> {
    /// The access token that `ath` must be the hash of, if the request has one.
    pub(crate) token: Option<&'a str>,
    /// Whether a nonce may be absent, because what the proof came with is recent in itself.
    pub(crate) nonce_optional: bool,
}

impl ProofRequirements<'_> {
    /// A proof with a nonce, for a request without an access token.
    pub(crate) const WITH_NONCE: Self = Self {
        token: None,
        nonce_optional: false,
    };
}

/// A proof that passed all checks and is not recorded in the replay cache yet.
pub(crate) struct VerifiedProof {
    /// Thumbprint of the key that the caller possesses.
    pub(crate) key: KeyThumbprint,
    /// Key of the proof in the replay cache.
    replay_key: String,
}

/// Verifies proofs and ensures that each is used once.
pub struct DpopVerifier {
    codec: Arc<dyn DpopCodec>,
    keyed_hasher: Arc<dyn KeyedHasher>,
    replay_cache: Arc<dyn ReplayCache>,
    clock: Arc<dyn Clock>,
}

impl DpopVerifier {
    /// Creates a verifier.
    #[must_use]
    pub fn new(deps: &Dependencies) -> Self {
        Self {
            codec: deps.dpop_proofs.clone(),
            keyed_hasher: deps.keyed_hasher.clone(),
            replay_cache: deps.replay_cache.clone(),
            clock: deps.clock.clone(),
        }
    }

    /// Returns a nonce for the next proof.
    pub(crate) fn nonce(&self) -> String {
        self.codec.nonce(self.clock.now())
    }

    pub(crate) fn required(&self) -> DpopError {
        DpopError::Required(self.nonce())
    }

    pub(crate) fn invalid(&self) -> DpopError {
        DpopError::Invalid(self.nonce())
    }

    /// Verifies a proof. It must be passed to [`consume`](Self::consume) before it has any effect.
    pub(crate) fn verify(
        &self,
        presented: &PresentedProof,
        required: ProofRequirements<'_>,
    ) -> Result<VerifiedProof, DpopError> {
        let now = self.clock.now();
        let proof = self
            .codec
            .decode(&presented.jwt)
            .filter(|proof| proof.is_for(&presented.method, &presented.uri))
            .filter(|proof| proof.is_recent(now));
        let proof = proof.ok_or_else(|| self.invalid())?;
        let token_hash = required.token.map(|token| self.codec.token_hash(token));
        if token_hash.is_some() && proof.token_hash != token_hash {
            return Err(self.invalid());
        }
        let has_nonce = match &proof.nonce {
            Some(nonce) => self.codec.is_current_nonce(nonce, now),
            None => required.nonce_optional,
        };
        if !has_nonce {
            return Err(DpopError::NonceRequired(self.nonce()));
        }
        let key = proof.key.to_string();
        let name = [b"dpop".as_slice(), key.as_bytes(), proof.id.as_bytes()];
        Ok(VerifiedProof {
            replay_key: self.keyed_hasher.hash(&name).hex(),
            key: proof.key,
        })
    }

    /// Records a proof as used. Call it only after the caller has presented a valid token or credentials: others must not be able
    /// to fill the replay cache.
    pub(crate) async fn consume(&self, proof: &VerifiedProof) -> Result<(), DpopError> {
        self.consume_of(proof, &proof.key.to_string()).await
    }

    /// The same for a proof of an account or an OAuth client, which may have any number of keys, and use them without a rate limit.
    pub(crate) async fn consume_of(
        &self,
        proof: &VerifiedProof,
        owner: &str,
    ) -> Result<(), DpopError> {
        let inserted =
            self.replay_cache
                .insert_if_new(&proof.replay_key, owner, PROOF_REPLAY_WINDOW);
        if inserted.await? {
            Ok(())
        } else {
            Err(self.invalid())
        }
    }
}
