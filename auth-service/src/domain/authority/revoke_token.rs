//! Ending what a token stands for (RFC 7009).

use super::{Authority, Expected, ValidateRefused};
use crate::domain::{error::Fault, id::Sid, login::EndReason, scope::Scope};

/// What came to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevokedBy {
    /// A login.
    Login(Sid),
    /// One access token of this login.
    Token(Sid),
    /// Nothing: the text is no token, or none that was alive.
    Nothing,
}

impl Authority {
    /// Ends a login by its refresh token or ticket, or one access token alone. A text that is neither, or over already,
    /// is no error.
    pub async fn revoke_token(&self, token: &str) -> Result<RevokedBy, Fault> {
        let store = &self.parts.store;
        if let Some(credential) = self.parts.credentials.open(token) {
            return self.end_login(credential.sid).await;
        }
        if let Ok(claims) = self.parts.tokens.open(token) {
            store.revoke_token(claims.jti, claims.expires_at).await?;
            self.parts.revocations.catch_up().await;
            return Ok(RevokedBy::Token(claims.sid));
        }
        Ok(RevokedBy::Nothing)
    }

    /// Ends the login that a token of any kind belongs to. With an access token that takes the scope `account`, or
    /// web-service: an API that was given a token cannot sign its owner out with it.
    pub async fn end_login_of(
        &self,
        token: &str,
        from_web_service: bool,
    ) -> Result<RevokedBy, ValidateRefused> {
        if let Some(credential) = self.parts.credentials.open(token) {
            return Ok(self.end_login(credential.sid).await?);
        }
        let account = [Scope::Account.as_str()];
        let scopes: &[&str] = if from_web_service { &[] } else { &account };
        let expected = Expected {
            scopes,
            ..Expected::default()
        };
        match self.validate_token(token, expected).await {
            Ok(claims) => Ok(self.end_login(claims.sid).await?),
            Err(ValidateRefused::Token(_)) => Ok(RevokedBy::Nothing),
            Err(refused) => Err(refused),
        }
    }

    /// Ends a login because its owner signed out.
    async fn end_login(&self, sid: Sid) -> Result<RevokedBy, Fault> {
        let (store, now) = (&self.parts.store, self.parts.clock.now());
        store.end_login(sid, EndReason::SignedOut, now).await?;
        self.parts.revocations.catch_up().await;
        Ok(RevokedBy::Login(sid))
    }
}
