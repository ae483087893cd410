//! Creation of an access token and of the refresh token that goes with it.

use std::time::Duration;

use time::OffsetDateTime;

use crate::{
    account::User,
    id::{GrantId, Jti},
    login::{Generation, Login},
    oauth::{ClientId, KeyThumbprint},
    token::{
        Claims, IssueTokenError, Person, RefreshHandle, Scopes, TokenService,
        token_request::IssuedTokens,
    },
};

/// What the tokens of a grant are to contain.
pub(super) struct TokenContent<'a> {
    pub(super) login: &'a Login,
    pub(super) user: &'a User,
    pub(super) grant: GrantId,
    pub(super) client: &'a ClientId,
    pub(super) audience: &'a str,
    pub(super) scopes: Scopes,
    pub(super) key: Option<&'a KeyThumbprint>,
    pub(super) now: OffsetDateTime,
}

impl TokenService {
    /// Signs an access token, which does not outlive its login, and encodes the refresh token of this generation.
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
        let handle = RefreshHandle::RefreshToken(content.grant, generation);
        Ok(IssuedTokens {
            access_token: self.deps.access_tokens.sign(&claims)?,
            expires_in,
            refresh_token: self.deps.refresh_tokens.encode(handle),
            scopes: claims.scopes,
            is_bound: claims.key.is_some(),
        })
    }
}
