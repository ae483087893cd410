//! Judging an access token.

use time::OffsetDateTime;

use super::Authority;
use crate::domain::{
    access_token::{Claims, Expectation, TokenRefused},
    error::Fault,
    ports::StoreError,
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
    /// It could not be judged now.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for ValidateRefused {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

impl Authority {
    /// What a valid token says. Without an `audience` the default one is expected.
    pub async fn validate_token(
        &self,
        token: &str,
        audience: Option<&str>,
        required_scopes: &[&str],
    ) -> Result<Claims, ValidateRefused> {
        let claims = self.parts.tokens.open(token)?;
        let now = self.parts.clock.now();
        let expected = Expectation {
            issuer: &self.policy.issuer,
            audience: audience.unwrap_or_else(|| self.policy.default_audience()),
            max_lifetime: self.policy.access_ttl,
        };
        claims.check(&expected, now)?;
        self.check_not_revoked(&claims, now).await?;
        let has = |name: &&str| {
            name.parse()
                .is_ok_and(|scope: Scope| claims.scopes.contains(scope))
        };
        if required_scopes.iter().all(has) {
            Ok(claims)
        } else {
            Err(ValidateRefused::InsufficientScope)
        }
    }

    async fn check_not_revoked(
        &self,
        claims: &Claims,
        now: OffsetDateTime,
    ) -> Result<(), ValidateRefused> {
        let store = &self.parts.store;
        if store.is_revoked(claims.jti).await? {
            return Err(TokenRefused::Revoked.into());
        }
        match store.login(claims.sid).await? {
            Some((login, user)) if login.is_live(now) && user.id == claims.subject => Ok(()),
            _ => Err(TokenRefused::LoginEnded.into()),
        }
    }
}
