//! What the forms for reauthentication add to the form of the operation.

use axum::extract::{FromRequest, Request};
use holdfast_client::AuthenticationStep;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::{
    http::{
        extract::form::{CsrfForm, ToSession},
        pages::{error::ErrorPage, factor_form::FactorFields, form_error::Presented},
        state::AppState,
    },
    request::cookies,
};

/// A form with a valid CSRF token of the session, with what its fields for reauthentication present.
pub(in crate::http) struct ConfirmationForm {
    fields: Confirmation,
    /// The cookie of the reauthentication that is in progress, unopened.
    pub(super) attempt: Option<String>,
}

#[derive(Deserialize)]
struct Confirmation {
    /// Empty in a form without the field.
    #[serde(default)]
    confirm_password: SecretString,
    #[serde(flatten)]
    factor: FactorFields,
}

impl ConfirmationForm {
    /// Whether it presents nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.presented().is_none()
    }

    /// The step that it presents, and what errors say of it.
    pub(super) fn presented(&self) -> Option<(Presented, AuthenticationStep<'_>)> {
        let Confirmation {
            confirm_password,
            factor,
        } = &self.fields;
        if !confirm_password.expose_secret().is_empty() {
            let step = AuthenticationStep::Password(confirm_password);
            return Some((Presented::Password, step));
        }
        let (kind, step) = factor.step()?;
        Some((kind.presented(), step))
    }
}

impl FromRequest<AppState> for ConfirmationForm {
    type Rejection = ErrorPage;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ErrorPage> {
        let attempt = cookies::attempt(request.headers(), state.cookie_names());
        let attempt = attempt.map(str::to_owned);
        let form: CsrfForm<Confirmation, ToSession> =
            CsrfForm::from_request(request, state).await?;
        Ok(Self {
            fields: form.fields,
            attempt,
        })
    }
}
