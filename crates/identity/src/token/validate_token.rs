//! Validation of an access token: `ValidateToken`.

use std::sync::Arc;

use holdfast_core::replay_cache::ReplayCacheError;
use time::OffsetDateTime;

use crate::{
    authentication::{AssuranceLevel, StepUpRequired},
    error::{Fault, StoreError, fault_from},
    oauth::{DpopError, PresentedProof, ProofRequirements},
    observer::{Verdict, VerdictSource},
    revocation::RevocationStatus,
    token::{Claims, ExpectedClaims, Scope, TokenError, TokenService},
};

/// Why an access token is refused.
#[derive(Debug, thiserror::Error)]
pub enum ValidateTokenError {
    /// It is not valid.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// It is valid and lacks a required scope.
    #[error("the access token lacks a required scope")]
    InsufficientScope,
    /// It is valid, and the latest authentication was weaker than required (RFC 9470).
    #[error(transparent)]
    StepUpRequired(#[from] StepUpRequired),
    /// It is bound to a key, and the DPoP proof of that is missing or not valid.
    #[error(transparent)]
    Dpop(#[from] DpopError),
    /// The service failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

fault_from!(ValidateTokenError: StoreError, ReplayCacheError);

/// Whether the local revocation cache is enough, or the store must be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consistency {
    /// The local revocation cache, which may lack revocations that another instance committed a fraction of a second ago.
    #[default]
    Local,
    /// The store.
    Strong,
}

/// What an access token must satisfy to be accepted.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokenRequirements<'a> {
    /// Required `aud`; `None` for the default audience.
    pub audience: Option<&'a str>,
    /// Scopes that the token must have, all of them.
    pub scopes: &'a [&'a str],
    /// Required strength of the latest authentication; `None` for any.
    pub min_level: Option<AssuranceLevel>,
    /// Where revocations are looked up.
    pub consistency: Consistency,
    /// The DPoP proof, if the token was presented as `DPoP`; `None` if it was presented as `Bearer`.
    pub proof: Option<&'a PresentedProof>,
}

impl TokenService {
    /// Validates an access token and returns its claims.
    pub async fn validate_token(
        &self,
        token: &str,
        required: TokenRequirements<'_>,
    ) -> Result<Arc<Claims>, ValidateTokenError> {
        let mut source = VerdictSource::Memory;
        let result = self.validate(token, &required, &mut source).await;
        let verdict = match &result {
            Ok(_) => Verdict::Valid,
            Err(ValidateTokenError::Fault(_) | ValidateTokenError::Dpop(DpopError::Fault(_))) => {
                Verdict::Failed
            }
            Err(_) => Verdict::Refused,
        };
        self.deps.observer.validated(source, verdict);
        result
    }

    async fn validate(
        &self,
        token: &str,
        required: &TokenRequirements<'_>,
        source: &mut VerdictSource,
    ) -> Result<Arc<Claims>, ValidateTokenError> {
        let claims = self.validate_claims(token, required, source).await?;
        self.check_binding(token, &claims, required.proof).await?;
        let has = |name: &&str| {
            name.parse()
                .is_ok_and(|scope: Scope| claims.scopes.contains(&scope))
        };
        if !required.scopes.iter().all(has) {
            return Err(ValidateTokenError::InsufficientScope);
        }
        if claims.level() < required.min_level {
            return Err(StepUpRequired.into());
        }
        Ok(claims)
    }

    /// Returns the claims of a token whose signature, issuer, audience and times are valid, and that is not revoked. Its key binding
    /// is not checked.
    async fn validate_claims(
        &self,
        token: &str,
        required: &TokenRequirements<'_>,
        source: &mut VerdictSource,
    ) -> Result<Arc<Claims>, ValidateTokenError> {
        let claims = self.deps.access_tokens.verify(token)?;
        let now = self.deps.clock.now();
        claims.check(&self.expected_claims(required.audience), now)?;
        self.check_not_revoked(&claims, (required.consistency, source), now)
            .await?;
        Ok(claims)
    }

    /// The claims that a valid access token for `audience`, or for the default one, has.
    pub(super) fn expected_claims<'a>(&'a self, audience: Option<&'a str>) -> ExpectedClaims<'a> {
        ExpectedClaims {
            issuer: &self.policy.issuer,
            audience: audience.map_or_else(
                || self.policy.default_audience(),
                |audience| self.policy.canonical_audience(audience),
            ),
            max_lifetime: self.policy.access_ttl,
        }
    }

    /// Check 12 of RFC 9449 §4.3, and §7.1: a bound token is not accepted as a bearer token.
    async fn check_binding(
        &self,
        token: &str,
        claims: &Claims,
        proof: Option<&PresentedProof>,
    ) -> Result<(), ValidateTokenError> {
        let (bound_to, proof) = match (&claims.key, proof) {
            (None, None) => return Ok(()),
            (None, Some(_)) => return Err(TokenError::NotBound.into()),
            (Some(_), None) => return Err(self.dpop.required().into()),
            (Some(key), Some(proof)) => (key, proof),
        };
        let required = ProofRequirements {
            token: Some(token),
            nonce_optional: false,
        };
        let proof = self.dpop.verify(proof, required)?;
        if proof.key != *bound_to {
            return Err(self.dpop.invalid().into());
        }
        Ok(self.dpop.consume_of(&proof, &claims.subject()).await?)
    }

    /// Checks that the token, its grant, its login and its OAuth client are not revoked. `source` becomes the store where that was read.
    pub(super) async fn check_not_revoked(
        &self,
        claims: &Claims,
        (consistency, source): (Consistency, &mut VerdictSource),
        now: OffsetDateTime,
    ) -> Result<(), ValidateTokenError> {
        let in_memory = match (self.deps.revocations.status(claims), consistency) {
            (RevocationStatus::Revoked(error), _) => return Err(error.into()),
            (_, Consistency::Strong) => {
                *source = VerdictSource::Store;
                return self.check_in_store(claims, now).await;
            }
            (RevocationStatus::Unknown, _) if self.is_store_away() => self.check_in_memory(claims),
            (status, _) => decided(status),
        };
        if let Some(decided) = in_memory {
            return decided;
        }
        match self.check_in_store(claims, now).await {
            Err(ValidateTokenError::Fault(Fault::StoreUnavailable(why))) => self
                .check_in_memory(claims)
                .unwrap_or_else(|| Err(Fault::StoreUnavailable(why).into())),
            result => {
                *source = VerdictSource::Store;
                result
            }
        }
    }

    /// Whether the last read of the store failed, so that another one would only wait for the same error.
    fn is_store_away(&self) -> bool {
        let outage = self.deps.revocations.last_outage();
        outage.is_some_and(|outage| outage.ended_at.is_none())
    }

    /// The decision by the revocations in memory, while the store is unavailable; `None` if they are too old.
    fn check_in_memory(&self, claims: &Claims) -> Option<Result<(), ValidateTokenError>> {
        let max_age = self.policy.revocation_max_staleness;
        decided(self.deps.revocations.status_within(claims, max_age))
    }

    async fn check_in_store(
        &self,
        claims: &Claims,
        now: OffsetDateTime,
    ) -> Result<(), ValidateTokenError> {
        let store = &self.deps.store;
        if store.is_revoked(claims.jti).await? {
            return Err(TokenError::Revoked.into());
        }
        let Some(person) = &claims.person else {
            return self.check_client_enabled(&claims.client_id).await;
        };
        match store.grant(person.grant).await? {
            Some((grant, login, user)) if login.is_live(now) && user.id == person.subject => {
                if grant.ended || grant.sid != person.sid {
                    return Err(TokenError::Revoked.into());
                }
                Ok(())
            }
            _ => Err(TokenError::LoginEnded.into()),
        }
    }

    async fn check_client_enabled(&self, id: &str) -> Result<(), ValidateTokenError> {
        let client = match id.parse() {
            Ok(id) => self.deps.store.client(&id).await?,
            Err(_) => None,
        };
        if client.is_some_and(|client| !client.disabled) {
            Ok(())
        } else {
            Err(TokenError::Revoked.into())
        }
    }
}

/// The decision that follows from a status; `None`: none does.
fn decided(status: RevocationStatus) -> Option<Result<(), ValidateTokenError>> {
    match status {
        RevocationStatus::Live => Some(Ok(())),
        RevocationStatus::Revoked(error) => Some(Err(error.into())),
        RevocationStatus::Unknown => None,
    }
}
