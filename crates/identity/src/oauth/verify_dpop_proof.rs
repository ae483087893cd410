//! Judging proofs of possession (RFC 9449 §4.3).

use super::Authority;
use crate::domain::{
    dpop::{PresentedProof, REMEMBERED_FOR, Thumbprint},
    error::Fault,
    ports::StoreError,
    throttle::Blinded,
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
pub enum DpopRefused {
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

impl From<StoreError> for DpopRefused {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

/// What a proof has to show besides the key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    /// The access token that it came with.
    pub(super) token: Option<&'a str>,
    /// Whether it may do without a nonce: what it came with is fresh by itself.
    pub(super) is_fresh: bool,
}

/// A proof that holds and was not used yet, as far as is known.
pub(super) struct Unspent {
    /// What it shows.
    pub(super) key: Thumbprint,
    name: Blinded,
}

impl Authority {
    /// A nonce for the next proof.
    #[must_use]
    pub fn dpop_nonce(&self) -> String {
        self.parts.dpop_proofs.nonce(self.parts.clock.now())
    }

    pub(super) fn proof_required(&self) -> DpopRefused {
        DpopRefused::Required(self.dpop_nonce())
    }

    pub(super) fn proof_invalid(&self) -> DpopRefused {
        DpopRefused::Invalid(self.dpop_nonce())
    }

    /// The key that a proof shows. It has to be spent before anything is done because of it.
    pub(super) fn prove_key(
        &self,
        presented: &PresentedProof,
        wanted: Wanted<'_>,
    ) -> Result<Unspent, DpopRefused> {
        let proofs = &self.parts.dpop_proofs;
        let now = self.parts.clock.now();
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
            return Err(DpopRefused::NonceRequired(self.dpop_nonce()));
        }
        let key = proof.key.to_string();
        let name = [b"dpop".as_slice(), key.as_bytes(), proof.id.as_bytes()];
        Ok(Unspent {
            name: self.parts.blinding.blind(&name),
            key: proof.key,
        })
    }

    /// What was good is good no second time. Only for who has shown that they have more than a key: strangers fill no memory.
    pub(super) async fn spend(&self, proof: &Unspent) -> Result<(), DpopRefused> {
        let replays = &self.parts.replays;
        if replays.is_first(proof.name, REMEMBERED_FOR).await? {
            Ok(())
        } else {
            Err(self.proof_invalid())
        }
    }
}
