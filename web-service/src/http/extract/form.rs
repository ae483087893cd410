//! Forms with CSRF tokens. No handler of a form compiles without one; only [`SentForm`] leaves the check to the handler.

use std::{marker::PhantomData, sync::Arc};

use axum::{
    Form,
    extract::{FromRef, FromRequest, Request, rejection::FormRejection},
    http::HeaderMap,
};
use holdfast_core::rate_limited_log::LogRateLimiter;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    http::{content_type, pages::error::ErrorPage},
    request::{cookie_names::CookieNames, cookies},
    session::csrf_token::{CsrfScope, CsrfTokens},
};

static WITHOUT_TOKEN: LogRateLimiter = LogRateLimiter::new("csrf.token_invalid");

/// A form whose CSRF token is not checked yet: for sign-in and sign-out, where the form of an older tab must not be a dead end.
pub(in crate::http) struct SentForm<T> {
    /// The fields, but for the token.
    pub(in crate::http) fields: T,
    token: String,
}

/// The names and values of a form, in the order and as often as they were sent. It has no CSRF token: what it asks for is answered to an OAuth
/// client, or changes nothing.
pub(in crate::http) struct PlainForm(pub(in crate::http) Vec<(String, String)>);

/// A form with a valid CSRF token of the scope `B`.
pub(in crate::http) struct CsrfForm<T, B> {
    /// The fields, but for the token.
    pub(in crate::http) fields: T,
    scope: PhantomData<B>,
}

/// What the CSRF token of a form is tied to.
pub(in crate::http) trait FormScope {
    /// Whether the token of `form` was made for the cookies in these headers.
    fn verify<T>(
        headers: &HeaderMap,
        names: &CookieNames,
        tokens: &dyn CsrfTokens,
        form: &SentForm<T>,
    ) -> bool;
}

/// The session: for forms of signed-in people.
pub(in crate::http) struct ToSession;

impl FormScope for ToSession {
    fn verify<T>(
        headers: &HeaderMap,
        names: &CookieNames,
        tokens: &dyn CsrfTokens,
        form: &SentForm<T>,
    ) -> bool {
        cookies::session_id(headers, names)
            .is_some_and(|id| form.has_token_of(CsrfScope::Session(&id), tokens))
    }
}

/// Logs that a form was rejected for its CSRF token.
pub(in crate::http) fn log_rejection() {
    WITHOUT_TOKEN.log(|forms| {
        tracing::warn!(
            event = "csrf.token_invalid",
            forms,
            "a form without a valid CSRF token was rejected"
        );
    });
}

#[derive(Deserialize)]
struct WithToken<T> {
    #[serde(default)]
    csrf_token: String,
    #[serde(flatten)]
    fields: T,
}

impl<T> SentForm<T> {
    /// Whether the CSRF token is valid in this scope.
    pub(in crate::http) fn has_token_of(
        &self,
        scope: CsrfScope<'_>,
        tokens: &dyn CsrfTokens,
    ) -> bool {
        tokens.verify(scope, &self.token)
    }
}

impl<S: Send + Sync> FromRequest<S> for PlainForm {
    type Rejection = FormRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, FormRejection> {
        let request = content_type::with_plain_form(request);
        let Form(fields) = Form::from_request(request, state).await?;
        Ok(Self(fields))
    }
}

impl<S, T> FromRequest<S> for SentForm<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = ErrorPage;

    async fn from_request(request: Request, state: &S) -> Result<Self, ErrorPage> {
        let request = content_type::with_plain_form(request);
        let Form(form): Form<WithToken<T>> = Form::from_request(request, state)
            .await
            .map_err(|rejection: FormRejection| ErrorPage::unreadable_form(rejection.status()))?;
        Ok(Self {
            fields: form.fields,
            token: form.csrf_token,
        })
    }
}

impl<S, T, B> FromRequest<S> for CsrfForm<T, B>
where
    S: Send + Sync,
    Arc<dyn CsrfTokens>: FromRef<S>,
    Arc<CookieNames>: FromRef<S>,
    T: DeserializeOwned,
    B: FormScope,
{
    type Rejection = ErrorPage;

    async fn from_request(request: Request, state: &S) -> Result<Self, ErrorPage> {
        let tokens = Arc::<dyn CsrfTokens>::from_ref(state);
        let names = Arc::<CookieNames>::from_ref(state);
        let headers = request.headers().clone();
        let uri = request.uri().clone();
        let form = SentForm::from_request(request, state).await?;
        if !B::verify(&headers, &names, &*tokens, &form) {
            log_rejection();
            return Err(ErrorPage::form_out_of_date(&uri));
        }
        Ok(Self {
            fields: form.fields,
            scope: PhantomData,
        })
    }
}
