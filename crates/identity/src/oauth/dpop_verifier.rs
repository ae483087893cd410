//! Judging proofs of possession (RFC 9449 §4.3).

use crate::{
    authentication::KeyedHash,
    error::Fault,
    oauth::{PresentedProof, REMEMBERED_FOR, Thumbprint},
    service::IdentityService,
    store::StoreError,
};

/// Whether tokens are bound to keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dpop {
    /// Proofs bind nothing new; what was bound stays bound.
    Off,
    /// Where a proof comes along.
    Allow,
    /// Always, but for what web-service keeps itself.
    Require,
}

/// Why a proof does not do. All carry a nonce for the next one.
#[derive(Debug, thiserror::Error)]
pub enum DpopError {
    /// There is none, and one is needed.
    #[error("a DPoP proof of the key is needed")]
    Required(String),
    /// It is not one for this request, token and key, or was used before.
    #[error("the DPoP proof does not hold")]
    Invalid(String),
    /// It has no nonce that is fresh.
    #[error("the DPoP proof needs the nonce that comes along")]
    NonceRequired(String),
    /// It cannot be judged now.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for DpopError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

/// What a proof has to show besides the key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProofRequirements<'a> {
    /// The access token that it came with.
    pub(crate) token: Option<&'a str>,
    /// Whether it may do without a nonce: what it came with is fresh by itself.
    pub(crate) is_fresh: bool,
}

/// A proof that holds and was not used yet, as far as is known.
pub(crate) struct VerifiedProof {
    /// What it shows.
    pub(crate) key: Thumbprint,
    name: KeyedHash,
}

impl IdentityService {
    /// A nonce for the next proof.
    #[must_use]
    pub fn dpop_nonce(&self) -> String {
        self.deps.dpop_proofs.nonce(self.deps.clock.now())
    }

    pub(crate) fn proof_required(&self) -> DpopError {
        DpopError::Required(self.dpop_nonce())
    }

    pub(crate) fn proof_invalid(&self) -> DpopError {
        DpopError::Invalid(self.dpop_nonce())
    }

    /// The key that a proof shows. It has to be spent before anything is done because of it.
    pub(crate) fn prove_key(
        &self,
        presented: &PresentedProof,
        wanted: ProofRequirements<'_>,
    ) -> Result<VerifiedProof, DpopError> {
        let proofs = &self.deps.dpop_proofs;
        let now = self.deps.clock.now();
        let proof = proofs
            .open(&presented.jwt)
            .filter(|proof| proof.is_for(&presented.method, &presented.uri))
            .filter(|proof| proof.is_recent(now));
        let proof = proof.ok_or_else(|| self.proof_invalid())?;
        let token_hash = wanted.token.map(|token| proofs.token_hash(token));
        if token_hash.is_some() && proof.token_hash != token_hash {
            return Err(self.proof_invalid());
        }
        let has_nonce = match &proof.nonce {
            Some(nonce) => proofs.is_nonce(nonce, now),
            None => wanted.is_fresh,
        };
        if !has_nonce {
            return Err(DpopError::NonceRequired(self.dpop_nonce()));
        }
        let key = proof.key.to_string();
        let name = [b"dpop".as_slice(), key.as_bytes(), proof.id.as_bytes()];
        Ok(VerifiedProof {
            name: self.deps.keyed_hasher.blind(&name),
            key: proof.key,
        })
    }

    /// What was good is good no second time. Only for who has shown that they have more than a key: strangers fill no memory.
    pub(crate) async fn consume(&self, proof: &VerifiedProof) -> Result<(), DpopError> {
        let replay_cache = &self.deps.replay_cache;
        if replay_cache
            .insert_if_new(proof.name, REMEMBERED_FOR)
            .await?
        {
            Ok(())
        } else {
            Err(self.proof_invalid())
        }
    }
}
