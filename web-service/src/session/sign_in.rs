//! Sign-in, and reauthentication, with a password.

use holdfast_client::{
    AuthClient, AuthError, AuthenticationStep, Authorization, AuthorizationGrant, ClientInfo,
    Holder, Login, Person, SignInOptions, SufficientAuthentication,
};
use secrecy::SecretString;
use time::OffsetDateTime;

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

/// Verifies username and password of a sign-in form and starts a login: one, also where the same `form` is sent several times.
pub async fn sign_in(
    auth: &AuthClient,
    (username, password): (&str, &SecretString),
    form: &[u8; 16],
    client: &ClientInfo,
) -> Result<SignedIn, AuthError> {
    let credentials = (username, password);
    let (person, login) = authenticate(auth, credentials, Some(form), client).await?;
    complete(auth, person, login).await
}

/// Verifies username and password and starts a login, whose ticket is to be exchanged.
pub async fn authenticate(
    auth: &AuthClient,
    (username, password): (&str, &SecretString),
    form: Option<&[u8; 16]>,
    client: &ClientInfo,
) -> Result<(Person, Login), AuthError> {
    let step = Some(AuthenticationStep::Password(password));
    let options = SignInOptions {
        form,
        ..SignInOptions::default()
    };
    let started = auth.start_authentication(username, step, options, client);
    started.await?.completed()
}

/// Verifies the password of a session's account again; returns the time of it, the new `auth_time`.
pub async fn reauthenticate(
    auth: &AuthClient,
    authorization: &Authorization,
    password: &SecretString,
    client: &ClientInfo,
) -> Result<OffsetDateTime, AuthError> {
    let step = Some(AuthenticationStep::Password(password));
    let sufficient = SufficientAuthentication::default();
    let started = auth.start_reauthentication(authorization, sufficient, step, client);
    started.await?.completed()
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
