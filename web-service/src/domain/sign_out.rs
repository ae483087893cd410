//! Ending logins of people who signed out.

use secrecy::{ExposeSecret as _, SecretString};

use super::auth::{Auth, AuthError};

/// Ends logins when auth-service is there again.
pub trait EndLater: Send + Sync {
    /// Takes the refresh token of a login that is to end.
    fn end_later(&self, refresh_token: SecretString);
}

/// Ends a login now, or as soon as auth-service answers. The session that held it is gone either way.
pub async fn sign_out(auth: &dyn Auth, later: &dyn EndLater, refresh_token: &SecretString) {
    if let Err(AuthError::Unavailable { .. }) = auth.end_login(refresh_token.expose_secret()).await
    {
        later.end_later(refresh_token.clone());
    }
}
