//! `POST /account/password/remove` and `GET`, `POST /account/password/new`: accounts without a password, and back.

use std::sync::Arc;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use holdfast_client::{AuthError, ErrorReason};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::{
    http::{
        extract::{
            client::BrowserInfo,
            form::{CsrfForm, ToSession},
            session::{PageSession, PageSessionWithToken},
        },
        pages::{
            error::ErrorPage,
            form_error::{FormError, Presented},
            password::{NOT_THE_SAME, form, form_again},
            reauthenticate::{ConfirmationForm, Reauthentication, SensitiveOperation},
            security::{SECURITY, changed, not_changed},
        },
        state::AppState,
    },
    session::{
        authenticator::{AuthenticatedSession, SessionWithToken},
        csrf_token::CsrfTokens,
    },
};

const REMOVE: &str = "/account/password/remove";
/// The address of the page that sets a password where there is none.
pub(super) const ADD: &str = "/account/password/new";
/// Where another authentication is asked for before a password is set.
const CONFIRM: &str = "/account/confirm?next=%2Faccount%2Fpassword%2Fnew";

const TOO_FEW: &str = "Without a password, the account needs two passkeys that ask for your fingerprint, your face or a PIN, or one and \
                       recovery codes. Set them up first.";

/// The fields of the form; absent ones are empty.
#[derive(Deserialize)]
pub(in crate::http) struct NewPasswordForm {
    #[serde(default)]
    new_password: SecretString,
    #[serde(default)]
    new_password_again: SecretString,
}

/// Removes the password; the other logins of the account end.
pub(in crate::http) async fn remove(
    State(state): State<AppState>,
    PageSessionWithToken(caller): PageSessionWithToken,
    BrowserInfo(client): BrowserInfo,
    form: ConfirmationForm,
) -> Response {
    let operation = SensitiveOperation::on_factors(&state, REMOVE, &client).by_passkey();
    let remove = async |caller: &SessionWithToken| {
        let removed = state.auth.remove_password(&caller.authorization, &client);
        match removed.await {
            Err(error) if error.is_refused_as(ErrorReason::FactorRequired) => {
                Ok(ErrorPage::factor_not_changed(TOO_FEW).into_response())
            }
            result => changed(result, SECURITY),
        }
    };
    operation.run(caller, &form, remove).await
}

/// Shows the form for the password of an account that has none.
pub(in crate::http) async fn show(
    State(csrf_tokens): State<Arc<dyn CsrfTokens>>,
    PageSession(session): PageSession,
) -> Response {
    form(&*csrf_tokens, &session, false, (StatusCode::OK, None))
}

/// Sets the password of an account that has none. Where the authentication is not recent enough, the form is sent again after another one:
/// the password is not repeated in a page.
pub(in crate::http) async fn add(
    State(state): State<AppState>,
    PageSessionWithToken(caller): PageSessionWithToken,
    BrowserInfo(client): BrowserInfo,
    fields: CsrfForm<NewPasswordForm, ToSession>,
) -> Response {
    let NewPasswordForm {
        new_password,
        new_password_again,
    } = fields.fields;
    if new_password.expose_secret() != new_password_again.expose_secret() {
        let error = FormError::correctable(NOT_THE_SAME);
        return form_again(&state, &caller.session, false, error);
    }
    let (auth, authorization) = (&state.auth, &caller.authorization);
    let added = auth.add_password(authorization, &new_password, &client);
    match added.await {
        Ok(()) => Redirect::to(SECURITY).into_response(),
        Err(error) if error.is_refused_as(ErrorReason::StepUpRequired) => {
            let reauthentication = Reauthentication {
                action: Some(CONFIRM),
                needs_strongest: true,
                is_unsent: true,
                ..Reauthentication::new(&state, &client)
            };
            SensitiveOperation(reauthentication).ask(&caller).await
        }
        Err(error) => not_added(&state, &caller.session, error),
    }
}

/// The form with what is wrong with the password, or the page that says why nothing was changed.
fn not_added(state: &AppState, session: &AuthenticatedSession, error: AuthError) -> Response {
    let error = match not_changed(error) {
        Ok(response) => return response,
        Err(error) => error,
    };
    match FormError::of(error, Presented::Password) {
        Ok(error) => form_again(state, session, false, error),
        Err(failure) => ErrorPage::from(failure).into_response(),
    }
}
