//! The key that issued tokens are bound to (RFC 9449 §5).

use crate::{
    login::ClientKind,
    oauth::{
        DpopError, DpopPolicy, KeyThumbprint, PresentedProof, ProofRequirements, VerifiedProof,
    },
    token::{RefreshHandle, TokenService},
};

impl TokenService {
    /// Verifies the DPoP proof of a token request. With a login ticket a nonce is optional: the ticket itself is recent, and a
    /// client that has just signed in has no nonce yet.
    pub(super) fn verify_dpop_proof(
        &self,
        proof: &PresentedProof,
        handle: &RefreshHandle,
    ) -> Result<VerifiedProof, DpopError> {
        let required = ProofRequirements {
            token: None,
            nonce_optional: matches!(handle, RefreshHandle::LoginTicket(_)),
        };
        self.dpop.verify(proof, required)
    }

    /// Returns the key that the next tokens must be bound to, given the key that their grant is bound to and the key that was proved.
    /// A grant that is bound accepts no other key, and no refresh token without a proof.
    pub(super) fn required_binding<'a>(
        &self,
        holder: ClientKind,
        is_required: bool,
        bound_to: Option<&KeyThumbprint>,
        proved: Option<&'a KeyThumbprint>,
    ) -> Result<Option<&'a KeyThumbprint>, DpopError> {
        let is_policy = self.policy.dpop == DpopPolicy::Require && holder == ClientKind::Api;
        let must_be_bound = is_required || is_policy;
        match (bound_to, proved) {
            (Some(bound_to), Some(proved)) if bound_to != proved => Err(self.dpop.invalid()),
            (Some(_), None) => Err(self.dpop.required()),
            (None, None) if must_be_bound => Err(self.dpop.required()),
            (None, Some(_)) if self.policy.dpop == DpopPolicy::Off && !is_required => Ok(None),
            (_, proved) => Ok(proved),
        }
    }
}
