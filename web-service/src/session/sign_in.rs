//! Signing a browser in.

use holdfast_client::{AuthClient, AuthError, ClientInfo, Grant, Holder, Login, Person};
use secrecy::SecretString;

/// What a session stands for, towards applications behind a reverse proxy.
pub const SESSION_SCOPE: &str = "profile";

/// What this service may do for the person: show who they are, and act on their account.
const BROWSER_SCOPE: &str = "profile account";

/// A person who signed in with a browser, and what keeps their session going.
#[derive(Debug)]
pub struct SignedIn {
    /// Who it is.
    pub person: Person,
    /// The login.
    pub login: Login,
    /// Acts for the person until the login ends.
    pub refresh_token: SecretString,
}

/// Checks the name and the password that somebody typed into `form`, and starts a browser's login; one, however often the form is
/// sent.
pub async fn sign_in(
    auth: &AuthClient,
    (username, password): (&str, &SecretString),
    form: &[u8; 16],
    client: &ClientInfo,
) -> Result<SignedIn, AuthError> {
    let (person, login) = auth.login(username, password, Some(form), client).await?;
    complete(auth, person, login).await
}

/// Exchanges the ticket of a browser's login that just began.
pub async fn complete(
    auth: &AuthClient,
    person: Person,
    login: Login,
) -> Result<SignedIn, AuthError> {
    let grant = Grant::LoginTicket(&login.ticket);
    let tokens = auth
        .issue_token(grant, BROWSER_SCOPE, Holder::Browser, None)
        .await?;
    Ok(SignedIn {
        person,
        login,
        refresh_token: tokens.refresh_token,
    })
}
