//! Asking again who somebody is, before a sensitive act (ASVS 7.5.3): a form in between that goes on where they were.

use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode},
    response::{IntoResponse as _, Response},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::{
    error::{ErrorPage, PageRefusal},
    render::{page, with_wait},
    trouble::Trouble,
};
use crate::{
    domain::{
        auth::{AuthError, Client},
        form_token::Binding,
    },
    http::{
        cookies::{self, with_cookie},
        signed_in::{Actor, Browser, renew},
        state::AppState,
    },
};

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage<'a> {
    csrf_token: String,
    username: &'a str,
    action: &'a str,
    trouble: Option<String>,
}

/// What the form in between adds to the one that it stands for.
#[derive(Deserialize)]
pub(in crate::http) struct Confirmation {
    /// Empty where it was not asked.
    #[serde(default)]
    confirm_password: SecretString,
}

/// A sensitive act that somebody is about to do.
pub(super) struct Act<'a> {
    /// What does it.
    pub(super) state: &'a AppState,
    /// Where its form is sent.
    pub(super) action: &'a str,
    /// Who does it.
    pub(super) client: &'a Client,
}

/// Somebody who may have proved again who they are.
pub(super) struct Proven {
    /// Acts for them.
    pub(super) actor: Actor,
    cookie: Option<HeaderValue>,
}

impl Proven {
    /// The answer, with the new session's cookie where there is one.
    pub(super) fn answer(self, response: Response) -> Response {
        with_cookie(response, self.cookie)
    }
}

impl Act<'_> {
    /// Checks the password, where one was given, and goes on in a session with a new id. The other answer is the form once more,
    /// or why that cannot be.
    pub(super) async fn prove(
        &self,
        actor: Actor,
        given: &Confirmation,
    ) -> Result<Proven, Response> {
        let password = &given.confirm_password;
        if password.expose_secret().is_empty() {
            let cookie = None;
            return Ok(Proven { actor, cookie });
        }
        let auth = &self.state.auth;
        let proved = auth
            .reauthenticate(&actor.access_token, password, self.client)
            .await;
        let at = match proved {
            Ok(at) => at,
            Err(error) => return Err(self.refused(&actor.browser, error)),
        };
        match renew(self.state, actor, at).await {
            Ok(actor) => Ok(Proven {
                cookie: cookies::set_session(&actor.browser.id),
                actor,
            }),
            Err(refused) => Err(PageRefusal::after_a_form(refused).into_response()),
        }
    }

    /// Asks for the password, and then goes on.
    pub(super) fn ask(&self, browser: &Browser) -> Response {
        self.form(StatusCode::FORBIDDEN, browser, None)
    }

    fn refused(&self, browser: &Browser, error: AuthError) -> Response {
        match Trouble::of(error) {
            Ok(trouble) => {
                let response = self.form(trouble.status, browser, Some(trouble.text));
                with_wait(response, trouble.retry_after)
            }
            Err(failure) => ErrorPage::from(failure).into_response(),
        }
    }

    fn form(&self, status: StatusCode, browser: &Browser, trouble: Option<String>) -> Response {
        let form = ConfirmPage {
            csrf_token: self.state.form_tokens.token(Binding::Session(&browser.id)),
            username: &browser.session.username,
            action: self.action,
            trouble,
        };
        page(status, &form)
    }
}
