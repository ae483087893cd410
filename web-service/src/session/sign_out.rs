//! Ending logins of people who signed out.

use secrecy::{ExposeSecret as _, SecretString};

use super::auth::{Auth, AuthError, Client};

/// Ends logins when auth-service is there again.
pub trait EndLater: Send + Sync {
    /// Takes the refresh token of a login that is to end, and who signed it out.
    fn end_later(&self, refresh_token: SecretString, client: Client);
}

/// Ends a login now, or as soon as auth-service answers. The session that held it is gone either way.
pub async fn sign_out(
    auth: &dyn Auth,
    later: &dyn EndLater,
    refresh_token: &SecretString,
    client: &Client,
) {
    let token = refresh_token.expose_secret();
    let ended = auth.end_login(token, None, client).await;
    if let Err(AuthError::Unavailable { .. }) = ended {
        later.end_later(refresh_token.clone(), client.clone());
    }
}
