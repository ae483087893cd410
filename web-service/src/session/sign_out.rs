//! Sign-out.

use holdfast_client::{AuthClient, AuthError, ClientInfo, RetryQueue};
use secrecy::{ExposeSecret as _, SecretString};

/// Ends the login of `refresh_token`, or puts the sign-out into the retry queue while auth-service is unavailable. The caller removes the
/// session in either case.
pub async fn sign_out(
    auth: &AuthClient,
    retry_queue: &RetryQueue,
    refresh_token: &SecretString,
    client: &ClientInfo,
) {
    let token = refresh_token.expose_secret();
    let ended = auth.end_login(token, None, client).await;
    if let Err(AuthError::Unavailable { .. }) = ended {
        retry_queue.end_login(refresh_token.clone(), client.clone());
    }
}
