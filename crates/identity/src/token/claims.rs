//! Access tokens: their claims, and when these are valid (RFC 9068, RFC 8725).

use std::time::Duration;

use time::OffsetDateTime;

use crate::{
    account::Username,
    authentication::{AssuranceLevel, Factors},
    id::{GrantId, Jti, Sid, UserId},
    issuer::is_equivalent_issuer,
    leeway::LEEWAY,
    oauth::{KeyThumbprint, Sector, SubjectIds},
    token::{Scopes, TokenError},
};

/// The claims that a token of an account has and a token of an OAuth client for itself lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The account.
    pub subject: UserId,
    /// The login.
    pub sid: Sid,
    /// `sub` and `sid`.
    pub ids: SubjectIds,
    /// `sector`: the one for which these are pairwise; absent from the token where they are not.
    pub sector: Option<Sector>,
    /// `grant_id`: the grant of that login; absent from the token for the grant that the login began with.
    pub grant: GrantId,
    /// `preferred_username`: the username when the token was issued.
    pub username: Username,
    /// `auth_time`: time of the latest authentication, UTC, in whole seconds.
    pub authenticated_at: OffsetDateTime,
    /// `amr` and `acr`: the factors of that authentication; absent from the token where the password was the only one.
    pub factors: Factors,
}

impl Person {
    /// Whether `sub` and `sid` of the token are pairwise, and so not those of the account and the login.
    #[must_use]
    pub const fn is_pairwise(&self) -> bool {
        self.sector.is_some()
    }

    /// Whether the token was issued by the grant that the login began with, which has the identifier of the login.
    #[must_use]
    pub fn has_first_grant(&self) -> bool {
        self.grant == GrantId::first_of(self.sid)
    }
}

/// The claims of an access token whose form and signature were verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// `iss`, as it was configured when the token was issued.
    pub issuer: String,
    /// The account and login; `None` for a token of an OAuth client for itself, whose `sub` is its `client_id`.
    pub person: Option<Person>,
    /// `aud`, exactly one.
    pub audience: String,
    /// `client_id`: the OAuth client that the token was issued to.
    pub client_id: String,
    /// `jti`: the identifier of the token, by which it is revoked alone.
    pub jti: Jti,
    /// `scope`: what the token permits.
    pub scopes: Scopes,
    /// `iat`, UTC, in whole seconds.
    pub issued_at: OffsetDateTime,
    /// `exp`, UTC, in whole seconds.
    pub expires_at: OffsetDateTime,
    /// `cnf.jkt`: the key that the token is bound to; `None` for a bearer token.
    pub key: Option<KeyThumbprint>,
}

/// What the claims of a valid token must be.
#[derive(Clone, Debug)]
pub struct ExpectedClaims<'a> {
    /// Required `iss`, an origin in its normal form. An equivalent spelling in the token is accepted.
    pub issuer: &'a str,
    /// Required `aud`.
    pub audience: &'a str,
    /// Maximum of `exp` minus `iat`: the configured lifetime.
    pub max_lifetime: Duration,
}

impl Claims {
    /// Returns `sub`: the identifier of the account, or the OAuth client itself.
    #[must_use]
    pub fn subject(&self) -> String {
        let person = self.person.as_ref();
        person.map_or_else(
            || self.client_id.clone(),
            |person| person.ids.subject.to_string(),
        )
    }

    /// Returns the strength of the latest authentication; `None` for a token of an OAuth client for itself.
    #[must_use]
    pub fn level(&self) -> Option<AssuranceLevel> {
        let person = self.person.as_ref();
        person.and_then(|person| person.factors.level())
    }

    /// Checks issuer, audience and times. Revocation and key binding are not examined.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check(
        &self,
        expected: &ExpectedClaims<'_>,
        now: OffsetDateTime,
    ) -> Result<(), TokenError> {
        if !is_equivalent_issuer(expected.issuer, &self.issuer) {
            return Err(TokenError::WrongIssuer);
        }
        let is_for_issuer = || {
            expected.audience == expected.issuer
                && is_equivalent_issuer(expected.issuer, &self.audience)
        };
        if self.audience != expected.audience && !is_for_issuer() {
            return Err(TokenError::WrongAudience);
        }
        let lifetime = self.expires_at - self.issued_at;
        if !lifetime.is_positive() {
            return Err(TokenError::Malformed);
        }
        // A longer lifetime was configured when it was issued.
        if lifetime > expected.max_lifetime {
            return Err(TokenError::Expired);
        }
        if self.issued_at > now + LEEWAY {
            return Err(TokenError::NotYetValid);
        }
        if now >= self.expires_at + LEEWAY {
            return Err(TokenError::Expired);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUED: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
    const LIFETIME: Duration = Duration::from_mins(15);

    fn claims() -> Claims {
        Claims {
            issuer: "https://id.example".into(),
            person: None,
            audience: "https://api.example".into(),
            client_id: "first-party".into(),
            jti: Jti::from_bytes([3; 16]),
            scopes: Scopes::default(),
            issued_at: ISSUED,
            expires_at: ISSUED + LIFETIME,
            key: None,
        }
    }

    const fn expected() -> ExpectedClaims<'static> {
        ExpectedClaims {
            issuer: "https://id.example",
            audience: "https://api.example",
            max_lifetime: LIFETIME,
        }
    }

    fn check(claims: &Claims, now: OffsetDateTime) -> Result<(), TokenError> {
        claims.check(&expected(), now)
    }

    #[test]
    fn times_are_checked_with_leeway() {
        let end = ISSUED + LIFETIME + LEEWAY;
        let tick = Duration::from_millis(1);
        assert_eq!(check(&claims(), ISSUED), Ok(()));
        assert_eq!(check(&claims(), ISSUED - LEEWAY), Ok(()));
        assert_eq!(
            check(&claims(), ISSUED - LEEWAY - tick),
            Err(TokenError::NotYetValid)
        );
        assert_eq!(check(&claims(), end - tick), Ok(()));
        assert_eq!(check(&claims(), end), Err(TokenError::Expired));
    }

    #[test]
    fn other_issuer_or_audience_is_refused() {
        let mut foreign = claims();
        foreign.issuer = "https://id.example.evil".into();
        assert_eq!(check(&foreign, ISSUED), Err(TokenError::WrongIssuer));

        // Earlier versions used the setting as it was written.
        let mut earlier = claims();
        earlier.issuer = "https://ID.example:443/".into();
        assert_eq!(check(&earlier, ISSUED), Ok(()));
        earlier.audience = earlier.issuer.clone();
        assert_eq!(check(&earlier, ISSUED), Err(TokenError::WrongAudience));
        let for_issuer = ExpectedClaims {
            audience: "https://id.example",
            ..expected()
        };
        assert_eq!(earlier.check(&for_issuer, ISSUED), Ok(()));

        let mut elsewhere = claims();
        elsewhere.audience = "https://api.example.org".into();
        assert_eq!(check(&elsewhere, ISSUED), Err(TokenError::WrongAudience));
    }

    #[test]
    fn token_with_longer_lifetime_than_configured_is_refused() {
        let mut long = claims();
        long.expires_at += Duration::from_secs(1);
        assert_eq!(check(&long, ISSUED), Err(TokenError::Expired));

        let mut backwards = claims();
        backwards.expires_at = ISSUED;
        assert_eq!(check(&backwards, ISSUED), Err(TokenError::Malformed));
    }
}
