//! What an access token is worth, for a client that received it (RFC 7662).

use std::sync::Arc;

use super::{Authority, ClientNotProven, Consistency, ValidateRefused};
use crate::domain::{
    access_token::{Claims, FIRST_PARTY_CLIENT},
    client::{ClientId, ClientProof, OauthClient},
    error::Fault,
    throttle::{self, Throttled},
};

/// Why a client is told nothing.
#[derive(Debug, thiserror::Error)]
pub enum IntrospectRefused {
    /// It did not authenticate itself (RFC 7662 §2.1): it is unknown, ended or public, or its proof does not hold.
    #[error("the client is unknown or its proof does not hold")]
    InvalidClient,
    /// It asked too often. Which one it is is for the audit trail.
    #[error("{0}")]
    Throttled(Throttled, ClientId),
    /// It could not be told now.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<ClientNotProven> for IntrospectRefused {
    fn from(refused: ClientNotProven) -> Self {
        match refused {
            ClientNotProven::InvalidClient => Self::InvalidClient,
            ClientNotProven::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl Authority {
    /// Looks at an access token for a client that authenticates itself; `None` for whatever is not good, or neither the client's own
    /// nor for one of its audiences. Refresh tokens are told to nobody: only this issuer takes them.
    pub async fn introspect(
        &self,
        proof: &ClientProof,
        token: &str,
    ) -> Result<Option<Arc<Claims>>, IntrospectRefused> {
        let client = self.prove_client(proof).await?;
        if !client.is_confidential() {
            return Err(IntrospectRefused::InvalidClient);
        }
        let counter = throttle::introspections(&*self.parts.blinding, &client.id);
        let now = self.parts.clock.now();
        let outcome = self.parts.counters.count(&[counter]).await;
        outcome.map_err(|throttled| IntrospectRefused::Throttled(throttled, client.id.clone()))?;
        let Ok(claims) = self.parts.tokens.open(token) else {
            return Ok(None);
        };
        let is_own = claims.client_id == client.id.as_str();
        let audience = self.policy.canonical(&claims.audience);
        let mut audiences = client.audiences.iter();
        if !is_own && !audiences.any(|one| self.policy.canonical(one) == audience) {
            return Ok(None);
        }
        let expected = self.expectation(Some(&claims.audience));
        if claims.check(&expected, now).is_err() {
            return Ok(None);
        }
        match self
            .check_not_revoked(&claims, Consistency::Local, now)
            .await
        {
            Ok(()) => Ok(Some(claims)),
            Err(ValidateRefused::Fault(fault)) => Err(fault.into()),
            Err(_) => Ok(None),
        }
    }

    /// Whether a client may end this token (RFC 7009 §2.1): it is not another's.
    #[must_use]
    pub fn is_token_of(&self, client: &OauthClient, token: &str) -> bool {
        let of = if self.parts.credentials.open(token).is_some() {
            Some(FIRST_PARTY_CLIENT.to_owned())
        } else {
            let claims = self.parts.tokens.open(token).ok();
            claims.map(|claims| claims.client_id.clone())
        };
        // What is no token is nobody's, and there is nothing to end.
        of.is_none_or(|of| of == client.id.as_str())
    }
}
