//! Sign-in and reauthentication, in one step or in several.

use holdfast_client::{
    AuthClient, AuthError, AuthenticationState, AuthenticationStep, Authorization,
    AuthorizationGrant, ClientInfo, Holder, Login, Person, Reauthenticated,
    SufficientAuthentication,
};
use secrecy::SecretString;

/// Scope of a session in forward auth.
pub const SESSION_SCOPE: &str = "profile";

/// Scope of the access tokens that web-service gets for a session: the profile, and calls on the account.
const BROWSER_SCOPE: &str = "profile account";

/// A login that was started by a browser.
#[derive(Debug)]
pub struct SignedIn {
    /// The account.
    pub person: Person,
    /// The login, whose ticket is consumed.
    pub login: Login,
    /// Its refresh token, valid until the login ends.
    pub refresh_token: SecretString,
}

/// Verifies the password of a session's account again, which completes a reauthentication where no further factor is required.
pub async fn reauthenticate(
    auth: &AuthClient,
    authorization: &Authorization,
    password: &SecretString,
    client: &ClientInfo,
) -> Result<AuthenticationState<Reauthenticated>, AuthError> {
    let step = Some(AuthenticationStep::Password(password));
    let sufficient = SufficientAuthentication::default();
    auth.start_reauthentication(authorization, sufficient, step, client)
        .await
}

/// Exchanges the login ticket of a new login.
pub async fn complete(
    auth: &AuthClient,
    person: Person,
    login: Login,
) -> Result<SignedIn, AuthError> {
    let grant = AuthorizationGrant::LoginTicket(&login.ticket);
    let tokens = auth
        .issue_token(grant, BROWSER_SCOPE, Holder::Browser, None)
        .await?;
    let refresh_token = tokens.refresh_token.ok_or_else(AuthError::incomplete)?;
    Ok(SignedIn {
        person,
        login,
        refresh_token,
    })
}
