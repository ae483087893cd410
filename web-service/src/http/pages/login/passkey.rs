//! `POST /login/passkey`: the challenge for a passkey in place of username and password, for the script of the sign-in page.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use holdfast_client::{AuthenticationFactor, AuthenticationState, ClientKind, SignInOptions};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::form_nonce;
use crate::{
    http::{
        api::problem::Problem,
        extract::{form::SentForm, peer::PeerAddress},
        state::AppState,
    },
    service_error::ServiceError,
};

/// The form: a CSRF token and no other field.
#[derive(Deserialize)]
pub(in crate::http) struct ChallengeForm {}

/// The options for the browser, and the attempt that they belong to, which only the form of this browser can continue.
#[derive(Serialize)]
pub(in crate::http) struct PasskeyChallenge {
    attempt: String,
    options: Value,
}

/// Starts a sign-in. The options are the same for everyone, so that they do not show which accounts have passkeys.
pub(in crate::http) async fn submit(
    State(state): State<AppState>,
    PeerAddress(peer): PeerAddress,
    headers: HeaderMap,
    form: SentForm<ChallengeForm>,
) -> Result<Json<PasskeyChallenge>, Problem> {
    let Some(nonce) = form_nonce(&state, &headers, &form) else {
        let detail = "the form is out of date; load the page again";
        return Err(Problem::invalid(StatusCode::FORBIDDEN, detail));
    };
    let request = state.requests.read(&headers, peer);
    let client = request.client_info_as(ClientKind::Browser);
    let options = SignInOptions {
        form: Some(&nonce),
        ..SignInOptions::default()
    };
    let started = state
        .auth
        .start_authentication("", None, options, &client)
        .await
        .map_err(ServiceError::from)?;
    let AuthenticationState::Next(steps) = started else {
        return Err(ServiceError::Internal.into());
    };
    let options = steps.factors.into_iter().find_map(|factor| match factor {
        AuthenticationFactor::Passkey(options) => Some(options),
        _ => None,
    });
    let options = options.ok_or_else(Problem::passkeys_off)?;
    Ok(Json(PasskeyChallenge {
        attempt: steps.attempt.expose_secret().to_owned(),
        options: serde_json::from_str(&options).map_err(|_| ServiceError::Internal)?,
    }))
}
