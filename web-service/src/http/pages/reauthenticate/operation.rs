//! A sensitive operation that a form requests.

use axum::{http::StatusCode, response::Response};
use holdfast_client::{AuthError, ClientInfo, ErrorReason};
use holdfast_core::assurance_level::AssuranceLevel;

use super::{ConfirmationForm, Reauthenticated, Reauthentication};
use crate::{
    http::{
        pages::reauthenticate::reauthentication::failed, set_cookie::with_cookie, state::AppState,
    },
    session::authenticator::SessionWithToken,
};

const TOO_WEAK: &str = "This needs the strongest factor of your account: a passkey if you have one, or else a code. A recovery code is accepted, too.";

/// A sensitive operation, and the reauthentication that it may need.
pub(in crate::http::pages) struct SensitiveOperation<'a>(
    pub(in crate::http::pages) Reauthentication<'a>,
);

impl<'a> SensitiveOperation<'a> {
    /// The operation of a form that is sent to `action`.
    pub(in crate::http::pages) fn of(
        state: &'a AppState,
        action: &'a str,
        client: &'a ClientInfo,
    ) -> Self {
        Self(Reauthentication {
            action: Some(action),
            ..Reauthentication::new(state, client)
        })
    }

    /// A change of the account's factors, which needs the strongest one.
    pub(in crate::http::pages) fn on_factors(
        state: &'a AppState,
        action: &'a str,
        client: &'a ClientInfo,
    ) -> Self {
        let Self(reauthentication) = Self::of(state, action, client);
        Self(Reauthentication {
            needs_strongest: true,
            ..reauthentication
        })
    }

    /// The same, which only a passkey is strong enough for.
    pub(in crate::http::pages) fn by_passkey(self) -> Self {
        let Self(reauthentication) = self;
        Self(Reauthentication {
            min_level: Some(AssuranceLevel::PhishingResistant),
            ..reauthentication
        })
    }

    /// The page that asks for the first step.
    pub(in crate::http::pages) async fn ask(&self, caller: &SessionWithToken) -> Response {
        self.0.ask(caller, (StatusCode::FORBIDDEN, None)).await
    }

    /// Performs the operation, after a reauthentication if the form presents one. Where the operation needs one, the response is the form
    /// that asks for it.
    pub(in crate::http::pages) async fn run(
        &self,
        caller: SessionWithToken,
        form: &ConfirmationForm,
        operation: impl AsyncFnOnce(&SessionWithToken) -> Result<Response, AuthError>,
    ) -> Response {
        let is_confirmed = !form.is_empty();
        let reauthenticated = if is_confirmed {
            self.0.verify(caller, form).await
        } else {
            let cookie = None;
            Ok(Reauthenticated { caller, cookie })
        };
        let Reauthenticated { caller, cookie } = match reauthenticated {
            Ok(reauthenticated) => reauthenticated,
            Err(error) => return self.0.response(error).await,
        };
        let response = match operation(&caller).await {
            Ok(response) => response,
            Err(error) if error.is_refused_as(ErrorReason::StepUpRequired) => {
                let why = is_confirmed.then(|| TOO_WEAK.to_owned());
                self.0.ask(&caller, (StatusCode::FORBIDDEN, why)).await
            }
            Err(error) => failed(error.into()),
        };
        with_cookie(response, cookie)
    }
}
