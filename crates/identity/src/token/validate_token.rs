//! Judging an access token.

use std::sync::Arc;

use time::OffsetDateTime;

use super::{Authority, DpopRefused, dpop::Wanted};
use crate::domain::{
    access_token::{Claims, Expectation, TokenRefused},
    dpop::PresentedProof,
    error::Fault,
    ports::StoreError,
    revocation::Verdict,
    scope::Scope,
};

/// Why an access token does not do.
#[derive(Debug, thiserror::Error)]
pub enum ValidateRefused {
    /// It is not valid.
    #[error(transparent)]
    Token(#[from] TokenRefused),
    /// It is valid and lacks a scope.
    #[error("the access token lacks a scope that is needed here")]
    InsufficientScope,
    /// It is bound to a key, and nothing shows that whoever presents it has that.
    #[error(transparent)]
    Dpop(#[from] DpopRefused),
    /// It could not be judged now.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for ValidateRefused {
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
pub struct Expected<'a> {
    /// Who is to accept it; the default audience where nobody is named.
    pub audience: Option<&'a str>,
    /// What it must allow, all of it.
    pub scopes: &'a [&'a str],
    /// How sure the answer has to be.
    pub consistency: Consistency,
    /// What came with a token that was not presented as one for its bearer.
    pub proof: Option<&'a PresentedProof>,
}

impl Authority {
    /// What a valid token says.
    pub async fn validate_token(
        &self,
        token: &str,
        needed: Expected<'_>,
    ) -> Result<Arc<Claims>, ValidateRefused> {
        let claims = self.living_claims(token, &needed).await?;
        self.check_key(token, &claims, needed.proof).await?;
        let has = |name: &&str| {
            name.parse()
                .is_ok_and(|scope: Scope| claims.scopes.contains(&scope))
        };
        if needed.scopes.iter().all(has) {
            Ok(claims)
        } else {
            Err(ValidateRefused::InsufficientScope)
        }
    }

    /// What a token says that is valid in the hands of whoever has its key; whether they have is not looked at.
    async fn living_claims(
        &self,
        token: &str,
        needed: &Expected<'_>,
    ) -> Result<Arc<Claims>, ValidateRefused> {
        let claims = self.parts.tokens.open(token)?;
        let now = self.parts.clock.now();
        claims.check(&self.expectation(needed.audience), now)?;
        self.check_not_revoked(&claims, needed.consistency, now)
            .await?;
        Ok(claims)
    }

    /// What every valid access token for `audience` says, or for the default one.
    pub(super) fn expectation<'a>(&'a self, audience: Option<&'a str>) -> Expectation<'a> {
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
    ) -> Result<(), ValidateRefused> {
        let (bound_to, proof) = match (&claims.key, proof) {
            (None, None) => return Ok(()),
            (None, Some(_)) => return Err(TokenRefused::NotBound.into()),
            (Some(_), None) => return Err(self.proof_required().into()),
            (Some(key), Some(proof)) => (key, proof),
        };
        let wanted = Wanted {
            token: Some(token),
            is_fresh: false,
        };
        let proof = self.prove_key(proof, wanted)?;
        if proof.key != *bound_to {
            return Err(self.proof_invalid().into());
        }
        Ok(self.spend(&proof).await?)
    }

    pub(super) async fn check_not_revoked(
        &self,
        claims: &Claims,
        consistency: Consistency,
        now: OffsetDateTime,
    ) -> Result<(), ValidateRefused> {
        if consistency == Consistency::Local {
            match self.parts.revocations.judge(claims) {
                Verdict::Live => return Ok(()),
                Verdict::Refused(refused) => return Err(refused.into()),
                Verdict::Unknown => {}
            }
        }
        let store = &self.parts.store;
        if store.is_revoked(claims.jti).await? {
            return Err(TokenRefused::Revoked.into());
        }
        let Some(person) = &claims.person else {
            return self.check_client(&claims.client_id).await;
        };
        match store.login(person.sid).await? {
            Some((login, user)) if login.is_live(now) && user.id == person.subject => Ok(()),
            _ => Err(TokenRefused::LoginEnded.into()),
        }
    }

    async fn check_client(&self, id: &str) -> Result<(), ValidateRefused> {
        let client = match id.parse() {
            Ok(id) => self.parts.store.client(&id).await?,
            Err(_) => None,
        };
        if client.is_some_and(|client| !client.disabled) {
            Ok(())
        } else {
            Err(TokenRefused::Revoked.into())
        }
    }
}
