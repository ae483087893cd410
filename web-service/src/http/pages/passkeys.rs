//! `GET`, `POST /account/passkeys`, `POST /account/passkeys/new` and `POST /account/passkeys/{id}/rename`: the passkeys of the account.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Redirect, Response},
};
use holdfast_client::{AuthClient, ErrorReason, FactorKind, PasskeyRegistration};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::{
    http::{
        extract::{
            client::BrowserInfo,
            form::{CsrfForm, ToSession},
            session::PageSessionWithToken,
        },
        headers,
        pages::{
            error::ErrorPage,
            logins::plain_id,
            notices::Notices,
            reauthenticate::{ConfirmationForm, SensitiveOperation},
            render::page,
            security::{FactorItem, changed, not_changed},
        },
        state::AppState,
    },
    service_error::ServiceError,
    session::{authenticator::SessionWithToken, user_agent::describe},
};

const PASSKEYS: &str = "/account/passkeys";
const NEW: &str = "/account/passkeys/new";

const NO_ANSWER: &str = "Your browser sent no passkey. Please begin again.";

#[derive(Template)]
#[template(path = "passkeys.html")]
struct PasskeysPage {
    csrf_token: String,
    passkeys: Vec<FactorItem>,
    has_second_factor: bool,
    codes_left: u32,
    notices: Notices,
}

#[derive(Template)]
#[template(path = "passkey_new.html")]
struct NewPasskeyPage {
    csrf_token: String,
    registration: String,
    options: String,
    label: String,
}

/// The form with the response of the browser.
#[derive(Deserialize)]
pub(in crate::http) struct RegistrationForm {
    /// The registration that it belongs to.
    #[serde(default)]
    registration: SecretString,
    #[serde(default)]
    passkey: String,
    #[serde(default)]
    label: String,
}

/// The form with another name.
#[derive(Deserialize)]
pub(in crate::http) struct RenameForm {
    #[serde(default)]
    label: String,
}

/// Lists the passkeys.
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    PageSessionWithToken(caller): PageSessionWithToken,
    headers: HeaderMap,
) -> Result<Response, ErrorPage> {
    let overview = state.auth.security_overview(&caller.authorization).await;
    let overview = overview.map_err(ServiceError::from)?;
    let session = &caller.session;
    let notices = Notices::of((&state, &headers), session, &overview.events, PASSKEYS);
    let is_second = |kind| matches!(kind, FactorKind::Totp | FactorKind::Passkey);
    let has_second_factor = overview.factors.iter().any(|factor| is_second(factor.kind));
    let passkeys = overview.factors.into_iter();
    let passkeys = passkeys.filter(|factor| factor.kind == FactorKind::Passkey);
    let template = PasskeysPage {
        csrf_token: caller.session.csrf_token(state.csrf_tokens()),
        notices,
        passkeys: passkeys.map(FactorItem::from).collect(),
        has_second_factor,
        codes_left: overview.recovery_codes_left,
    };
    Ok(page(StatusCode::OK, &template))
}

/// Begins a registration; nothing is stored.
pub(in crate::http) async fn begin(
    State(state): State<AppState>,
    PageSessionWithToken(caller): PageSessionWithToken,
    BrowserInfo(client): BrowserInfo,
    form: ConfirmationForm,
) -> Response {
    let operation = SensitiveOperation::on_factors(&state, NEW, &client);
    let begin = async |caller: &SessionWithToken| {
        let begun = state.auth.start_passkey_registration(&caller.authorization);
        match begun.await {
            Ok(PasskeyRegistration {
                registration,
                options,
                ..
            }) => {
                let template = NewPasskeyPage {
                    csrf_token: caller.session.csrf_token(state.csrf_tokens()),
                    registration: registration.expose_secret().to_owned(),
                    options,
                    label: describe(client.user_agent.as_deref()),
                };
                Ok(headers::with_script(page(StatusCode::OK, &template)))
            }
            Err(error) => not_changed(error),
        }
    };
    operation.run(caller, &form, begin).await
}

/// Adds the passkey. Where the authentication is not recent any more, the registration begins again after another one.
pub(in crate::http) async fn finish(
    State(state): State<AppState>,
    PageSessionWithToken(caller): PageSessionWithToken,
    BrowserInfo(client): BrowserInfo,
    form: CsrfForm<RegistrationForm, ToSession>,
) -> Result<Response, ErrorPage> {
    let RegistrationForm {
        registration,
        passkey,
        label,
    } = form.fields;
    if passkey.is_empty() {
        return Ok(ErrorPage::factor_not_changed(NO_ANSWER).into_response());
    }
    let response = (&registration, passkey.as_str());
    let (auth, authorization) = (&state.auth, &caller.authorization);
    let finished = auth.finish_passkey_registration(authorization, response, &label, &client);
    match finished.await {
        Ok(_) => Ok(Redirect::to(PASSKEYS).into_response()),
        Err(error) if error.is_refused_as(ErrorReason::StepUpRequired) => {
            let operation = SensitiveOperation::on_factors(&state, NEW, &client);
            Ok(operation.ask(&caller).await)
        }
        Err(error) => not_changed(error).map_err(|error| ServiceError::from(error).into()),
    }
}

/// Gives a passkey another name.
pub(in crate::http) async fn rename(
    State(auth): State<AuthClient>,
    PageSessionWithToken(caller): PageSessionWithToken,
    Path(id): Path<String>,
    BrowserInfo(client): BrowserInfo,
    form: CsrfForm<RenameForm, ToSession>,
) -> Result<Response, ErrorPage> {
    let name = (plain_id(&id)?, form.fields.label.as_str());
    let renamed = auth.rename_passkey(&caller.authorization, name, &client);
    changed(renamed.await, PASSKEYS).map_err(|error| ServiceError::from(error).into())
}
