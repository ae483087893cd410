//! What an access token is worth, for a client that received it (RFC 7662).

use std::sync::Arc;

use crate::{
    authentication::{Throttled, rate_limit},
    error::Fault,
    oauth::{ClientId, ClientProof, InvalidClient, OauthClient},
    service::IdentityService,
    token::{Claims, Consistency, FIRST_PARTY_CLIENT, ValidateTokenError},
};

/// Why a client is told nothing.
#[derive(Debug, thiserror::Error)]
pub enum IntrospectError {
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

impl From<InvalidClient> for IntrospectError {
    fn from(refused: InvalidClient) -> Self {
        match refused {
            InvalidClient::InvalidClient => Self::InvalidClient,
            InvalidClient::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl IdentityService {
    /// Looks at an access token for a client that authenticates itself; `None` for whatever is not good, or neither the client's own
    /// nor for one of its audiences. Refresh tokens are told to nobody: only this issuer takes them.
    pub async fn introspect(
        &self,
        proof: &ClientProof,
        token: &str,
    ) -> Result<Option<Arc<Claims>>, IntrospectError> {
        let client = self.authenticate_client(proof).await?;
        if !client.is_confidential() {
            return Err(IntrospectError::InvalidClient);
        }
        let counter = rate_limit::introspections(&*self.deps.keyed_hasher, &client.id);
        let now = self.deps.clock.now();
        let outcome = self.deps.counters.count(&[counter]).await;
        outcome.map_err(|throttled| IntrospectError::Throttled(throttled, client.id.clone()))?;
        let Ok(claims) = self.deps.tokens.open(token) else {
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
            Err(ValidateTokenError::Fault(fault)) => Err(fault.into()),
            Err(_) => Ok(None),
        }
    }

    /// Whether a client may end this token (RFC 7009 §2.1): it is not another's.
    #[must_use]
    pub fn is_token_of(&self, client: &OauthClient, token: &str) -> bool {
        let of = if self.deps.credentials.open(token).is_some() {
            Some(FIRST_PARTY_CLIENT.to_owned())
        } else {
            let claims = self.deps.tokens.open(token).ok();
            claims.map(|claims| claims.client_id.clone())
        };
        // What is no token is nobody's, and there is nothing to end.
        of.is_none_or(|of| of == client.id.as_str())
    }
}
