//! Creation of an access token and of the refresh token that goes with it.

use std::time::Duration;

use time::OffsetDateTime;

use crate::{
    account::User,
    id::{GrantId, Jti},
    key::Algorithm,
    login::{Generation, Login},
    oauth::{ClientId, KeyThumbprint, Sector},
    token::{
        Claims, ID_TOKEN_TTL, IdTokenClaims, IssueTokenError, IssuedTokens, Person, RefreshHandle,
        Scope, Scopes, SigningError, TokenService,
    },
};

/// What the tokens of a grant are to contain.
pub(super) struct TokenContent<'a> {
    pub(super) login: &'a Login,
    pub(super) user: &'a User,
    pub(super) grant: GrantId,
    pub(super) client: &'a ClientId,
    /// Of the pairwise subject identifiers of the OAuth client.
    pub(super) sector: Option<&'a Sector>,
    pub(super) audience: &'a str,
    /// Of the ID token, where the OAuth client is one that people sign in to; it is issued where the scopes contain `openid`.
    pub(super) id_token: Option<IdTokenContent<'a>>,
    pub(super) has_refresh_token: bool,
    pub(super) scopes: Scopes,
    pub(super) key: Option<&'a KeyThumbprint>,
    pub(super) now: OffsetDateTime,
}

/// What the ID token is to contain besides.
pub(super) struct IdTokenContent<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) nonce: Option<&'a str>,
}

impl TokenService {
    /// Signs an access token, which does not outlive its login, and the ID token, and encodes the refresh token of this generation.
    pub(super) fn mint(
        &self,
        content: TokenContent<'_>,
        generation: Generation,
    ) -> Result<IssuedTokens, IssueTokenError> {
        let (login, user) = (content.login, content.user);
        let issued_at = content.now.truncate_to_second();
        let expires_at =
            (issued_at + self.policy.access_ttl).min(login.expires_at.truncate_to_second());
        let expires_in = Duration::try_from(expires_at - issued_at)
            .ok()
            .filter(|left| !left.is_zero())
            .ok_or(IssueTokenError::LoginEnded)?;
        let claims = Claims {
            issuer: self.policy.issuer.clone(),
            person: Some(Person {
                subject: user.id,
                sid: login.sid,
                ids: self
                    .deps
                    .subject_ids
                    .encode(content.sector, user.id, login.sid),
                sector: content.sector.cloned(),
                grant: content.grant,
                username: user.username.clone(),
                authenticated_at: login.authenticated_at.truncate_to_second(),
                factors: login.factors.clone(),
            }),
            audience: content.audience.to_owned(),
            client_id: content.client.to_string(),
            jti: Jti::random(&*self.deps.random),
            scopes: content.scopes,
            issued_at,
            expires_at,
            key: content.key.cloned(),
        };
        let access_token = self.deps.access_tokens.sign(&claims)?;
        let id_token = match &content.id_token {
            Some(requested) if claims.scopes.contains(&Scope::OpenId) => {
                let of = (content.client, &*access_token);
                Some(self.sign_id_token(requested, of, &claims)?)
            }
            _ => None,
        };
        let handle = RefreshHandle::RefreshToken(content.grant, generation);
        let has_refresh_token = content.has_refresh_token;
        Ok(IssuedTokens {
            access_token,
            expires_in,
            refresh_token: has_refresh_token.then(|| self.deps.refresh_tokens.encode(handle)),
            id_token,
            scopes: claims.scopes,
            is_bound: claims.key.is_some(),
        })
    }

    /// Signs the ID token that goes with an access token of these claims.
    fn sign_id_token(
        &self,
        requested: &IdTokenContent<'_>,
        (client, access_token): (&ClientId, &str),
        claims: &Claims,
    ) -> Result<String, SigningError> {
        let person = claims.person.as_ref();
        let person = person.ok_or_else(|| SigningError("there is no account".to_owned()))?;
        let has_profile = claims.scopes.contains(&Scope::Profile);
        let id_token = IdTokenClaims {
            issuer: &claims.issuer,
            ids: person.ids,
            client,
            issued_at: claims.issued_at,
            // Keys are kept for as long as an access token is valid after its signature.
            expires_at: claims.issued_at + ID_TOKEN_TTL.min(self.policy.access_ttl),
            authenticated_at: person.authenticated_at,
            factors: &person.factors,
            nonce: requested.nonce,
            username: Some(&person.username).filter(|_| has_profile),
            access_token,
        };
        self.deps.id_tokens.sign(&id_token, requested.algorithm)
    }
}
