//! Ending logins of people who signed out.

use holdfast_client::{
    auth::{AuthError, AuthService, ClientInfo},
    retry_queue::DeferredSignOut,
};
use secrecy::{ExposeSecret as _, SecretString};

/// Ends a login now, or as soon as auth-service answers. The session that held it is gone either way.
pub async fn sign_out(
    auth: &dyn AuthService,
    later: &dyn DeferredSignOut,
    refresh_token: &SecretString,
    client: &ClientInfo,
) {
    let token = refresh_token.expose_secret();
    let ended = auth.end_login(token, None, client).await;
    if let Err(AuthError::Unavailable { .. }) = ended {
        later.end_later(refresh_token.clone(), client.clone());
    }
}
