//! Judging an access token.

use std::sync::Arc;

use time::OffsetDateTime;

use crate::{
    error::Fault,
    oauth::{DpopError, PresentedProof, ProofRequirements},
    revocation::RevocationStatus,
    service::IdentityService,
    store::StoreError,
    token::{Claims, Expectation, Scope, TokenError},
};

/// Why an access token does not do.
#[derive(Debug, thiserror::Error)]
pub enum ValidateTokenError {
    /// It is not valid.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// It is valid and lacks a scope.
    #[error("the access token lacks a scope that is needed here")]
    InsufficientScope,
    /// It is bound to a key, and nothing shows that whoever presents it has that.
    #[error(transparent)]
    Dpop(#[from] DpopError),
    /// It could not be judged now.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for ValidateTokenError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

/// How sure an answer has to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consistency {
    /// As this instance knows it: what another one ended may be a fraction of a second behind.
    #[default]
    Local,
    /// As the store has it.
    Strong,
}

/// What a token must be good for.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokenRequirements<'a> {
    /// Who is to accept it; the default audience where nobody is named.
    pub audience: Option<&'a str>,
    /// What it must allow, all of it.
    pub scopes: &'a [&'a str],
    /// How sure the answer has to be.
    pub consistency: Consistency,
    /// What came with a token that was not presented as one for its bearer.
    pub proof: Option<&'a PresentedProof>,
}

impl IdentityService {
    /// What a valid token says.
    pub async fn validate_token(
        &self,
        token: &str,
        needed: TokenRequirements<'_>,
    ) -> Result<Arc<Claims>, ValidateTokenError> {
        let claims = self.validate_claims(token, &needed).await?;
        self.check_key(token, &claims, needed.proof).await?;
        let has = |name: &&str| {
            name.parse()
                .is_ok_and(|scope: Scope| claims.scopes.contains(&scope))
        };
        if needed.scopes.iter().all(has) {
            Ok(claims)
        } else {
            Err(ValidateTokenError::InsufficientScope)
        }
    }

    /// What a token says that is valid in the hands of whoever has its key; whether they have is not looked at.
    async fn validate_claims(
        &self,
        token: &str,
        needed: &TokenRequirements<'_>,
    ) -> Result<Arc<Claims>, ValidateTokenError> {
        let claims = self.deps.tokens.open(token)?;
        let now = self.deps.clock.now();
        claims.check(&self.expectation(needed.audience), now)?;
        self.check_not_revoked(&claims, needed.consistency, now)
            .await?;
        Ok(claims)
    }

    /// What every valid access token for `audience` says, or for the default one.
    pub(crate) fn expectation<'a>(&'a self, audience: Option<&'a str>) -> Expectation<'a> {
        Expectation {
            issuer: &self.policy.issuer,
            audience: audience.map_or_else(
                || self.policy.default_audience(),
                |audience| self.policy.canonical(audience),
            ),
            max_lifetime: self.policy.access_ttl,
        }
    }

    /// Check 12 of RFC 9449 §4.3, and §7.1: what is bound is not taken from a mere bearer.
    async fn check_key(
        &self,
        token: &str,
        claims: &Claims,
        proof: Option<&PresentedProof>,
    ) -> Result<(), ValidateTokenError> {
        let (bound_to, proof) = match (&claims.key, proof) {
            (None, None) => return Ok(()),
            (None, Some(_)) => return Err(TokenError::NotBound.into()),
            (Some(_), None) => return Err(self.proof_required().into()),
            (Some(key), Some(proof)) => (key, proof),
        };
        let wanted = ProofRequirements {
            token: Some(token),
            is_fresh: false,
        };
        let proof = self.prove_key(proof, wanted)?;
        if proof.key != *bound_to {
            return Err(self.proof_invalid().into());
        }
        Ok(self.consume(&proof).await?)
    }

    pub(crate) async fn check_not_revoked(
        &self,
        claims: &Claims,
        consistency: Consistency,
        now: OffsetDateTime,
    ) -> Result<(), ValidateTokenError> {
        if consistency == Consistency::Local {
            match self.deps.revocations.judge(claims) {
                RevocationStatus::Live => return Ok(()),
                RevocationStatus::Refused(refused) => return Err(refused.into()),
                RevocationStatus::Unknown => {}
            }
        }
        let store = &self.deps.store;
        if store.is_revoked(claims.jti).await? {
            return Err(TokenError::Revoked.into());
        }
        let Some(person) = &claims.person else {
            return self.check_client(&claims.client_id).await;
        };
        match store.login(person.sid).await? {
            Some((login, user)) if login.is_live(now) && user.id == person.subject => Ok(()),
            _ => Err(TokenError::LoginEnded.into()),
        }
    }

    async fn check_client(&self, id: &str) -> Result<(), ValidateTokenError> {
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
