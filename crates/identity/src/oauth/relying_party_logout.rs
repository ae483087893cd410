//! Sign-outs that relying parties ask for (OpenID Connect RP-Initiated Logout 1.0 §2).

use crate::oauth::{AuthorizationService, AuthorizeError, ClientName};

/// A sign-out that a browser brings from a relying party.
#[derive(Clone, Copy, Debug)]
pub struct LogoutRequest<'a> {
    /// `id_token_hint`.
    pub id_token_hint: Option<&'a str>,
    /// `client_id`.
    pub client: Option<&'a str>,
    /// `post_logout_redirect_uri`.
    pub redirect_uri: Option<&'a str>,
    /// The refresh token of the browser's login.
    pub session: Option<&'a str>,
}

/// What a sign-out request shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExaminedLogout {
    /// Whether the hint is an ID token of the browser's login, so that another site cannot have made up the request.
    pub is_confirmed: bool,
    /// Name of the relying party; `None` if the request names none.
    pub client: Option<ClientName>,
}

impl AuthorizationService {
    /// Examines a sign-out request. It ends nothing: the login is ended by its own refresh token.
    pub async fn examine_logout(
        &self,
        request: LogoutRequest<'_>,
    ) -> Result<ExaminedLogout, AuthorizeError> {
        let hint = request.id_token_hint.and_then(|hint| self.hint(hint));
        let of_hint = hint.as_ref().map(|hint| hint.client.as_str());
        if let (Some(stated), Some(of_hint)) = (request.client, of_hint)
            && stated != of_hint
        {
            return Err(AuthorizeError::UnknownClient);
        }
        let Some(client) = request.client.or(of_hint) else {
            // Without a relying party, no address to return to is registered.
            return match request.redirect_uri {
                Some(_) => Err(AuthorizeError::RedirectUri),
                None => Ok(ExaminedLogout {
                    is_confirmed: false,
                    client: None,
                }),
            };
        };
        let client = self.stored_party(Some(client)).await?;
        let (client, party) = client.parts();
        let is_registered = |uri| party.accepts_logout_to(uri);
        if !request.redirect_uri.is_none_or(is_registered) {
            return Err(AuthorizeError::RedirectUri);
        }
        let login = self.login_of(request.session).await?;
        let is_own = hint
            .zip(login)
            .is_some_and(|(hint, (login, _))| self.identified(&hint, client).1 == login.sid);
        Ok(ExaminedLogout {
            is_confirmed: is_own,
            client: Some(party.name.clone()),
        })
    }
}
