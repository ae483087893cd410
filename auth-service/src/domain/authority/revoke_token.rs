//! Ending what a token stands for (RFC 7009).

use super::{Authority, Expected, ValidateRefused};
use crate::domain::{
    access_token::LEEWAY,
    error::Fault,
    id::{Sid, UserId},
    login::{ClientKind, EndReason},
    scope::Scope,
};

/// What came to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevokedBy {
    /// This person's login.
    Login(UserId, Sid),
    /// One access token, of this person's login where it was a person's.
    Token(Option<(UserId, Sid)>),
    /// Nothing: the text is no token, or none that was alive.
    Nothing,
}

impl Authority {
    /// Ends a login by its refresh token or ticket, or one access token alone. A text that is neither, or over already,
    /// is no error.
    pub async fn revoke_token(&self, token: &str) -> Result<RevokedBy, Fault> {
        if let Some(credential) = self.parts.credentials.open(token) {
            return self.end_login(credential.sid).await;
        }
        match self.parts.tokens.open(token) {
            Ok(claims) if self.parts.clock.now() < claims.expires_at + LEEWAY => {
                let store = &self.parts.store;
                store.revoke_token(claims.jti, claims.expires_at).await?;
                self.parts.revocations.catch_up().await;
                let of = claims
                    .person
                    .as_ref()
                    .map(|person| (person.subject, person.sid));
                Ok(RevokedBy::Token(of))
            }
            _ => Ok(RevokedBy::Nothing),
        }
    }

    /// Ends the login that a token of any kind belongs to. With an access token that takes the scope `account`: an API that
    /// was given a token cannot sign its owner out with it. For a program that signs itself out through web-service any
    /// token of its own login does, as it gets no other.
    pub async fn end_login_of(
        &self,
        token: &str,
        from_web_service: bool,
    ) -> Result<RevokedBy, ValidateRefused> {
        if let Some(credential) = self.parts.credentials.open(token) {
            return Ok(self.end_login(credential.sid).await?);
        }
        let claims = match self.living_claims(token, &Expected::default()).await {
            Ok(claims) => claims,
            Err(ValidateRefused::Token(_)) => return Ok(RevokedBy::Nothing),
            Err(refused) => return Err(refused),
        };
        // web-service has seen the proof; nobody else signs out the owner of a stolen token.
        if claims.key.is_some() && !from_web_service {
            return Err(self.proof_required().into());
        }
        let Some(person) = &claims.person else {
            return Ok(self.revoke_token(token).await?);
        };
        let login = self.parts.store.login(person.sid).await?;
        let is_programs = login.is_some_and(|(login, _)| login.kind == ClientKind::Api);
        if claims.scopes.contains(&Scope::Account) || (from_web_service && is_programs) {
            Ok(self.end_login(person.sid).await?)
        } else {
            Err(ValidateRefused::InsufficientScope)
        }
    }

    /// Ends a login because its owner signed out.
    async fn end_login(&self, sid: Sid) -> Result<RevokedBy, Fault> {
        let (store, now) = (&self.parts.store, self.parts.clock.now());
        let owner = store.login(sid).await?.map(|(_, user)| user.id);
        let ended = store.end_login(sid, EndReason::SignedOut, now).await?;
        self.parts.revocations.catch_up().await;
        Ok(match owner {
            Some(owner) if ended => RevokedBy::Login(owner, sid),
            _ => RevokedBy::Nothing,
        })
    }
}
