//! Forms and the tokens that tie them to who was shown them. No unsafe page handler but those of [`SentForm`] compiles without.

use std::{marker::PhantomData, sync::Arc};

use axum::{
    Form,
    extract::{FromRef, FromRequest, Request, rejection::FormRejection},
    http::HeaderMap,
};
use holdfast_core::rate_limited_log::LogRateLimiter;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    http::{content_type, cookies, pages::error::ErrorPage},
    request::cookie_names::CookieNames,
    session::csrf_token::{CsrfScope, CsrfTokens},
};

static WITHOUT_TOKEN: LogRateLimiter = LogRateLimiter::new();

/// A form with its token, which is not checked yet: for signing in and signing out, where a form of an older tab must not be a
/// dead end.
pub(super) struct SentForm<T> {
    /// Its fields.
    pub(super) fields: T,
    token: String,
}

/// A form that came back from the browser it was made for.
pub(super) struct CsrfForm<T, B> {
    /// Its fields.
    pub(super) fields: T,
    binding: PhantomData<B>,
}

/// What a form is tied to.
pub(super) trait BoundTo {
    /// Whether `form` was made for what these headers carry.
    fn verify<T>(
        headers: &HeaderMap,
        names: &CookieNames,
        tokens: &dyn CsrfTokens,
        form: &SentForm<T>,
    ) -> bool;
}

/// Forms of signed-in people, tied to their session.
pub(super) struct ToSession;

impl BoundTo for ToSession {
    fn verify<T>(
        headers: &HeaderMap,
        names: &CookieNames,
        tokens: &dyn CsrfTokens,
        form: &SentForm<T>,
    ) -> bool {
        cookies::session_id(headers, names)
            .is_some_and(|id| form.was_made_for(CsrfScope::Session(&id), tokens))
    }
}

#[derive(Deserialize)]
struct Tied<T> {
    #[serde(default)]
    csrf_token: String,
    #[serde(flatten)]
    fields: T,
}

impl<T> SentForm<T> {
    /// Whether its token is the one for this.
    pub(super) fn was_made_for(&self, binding: CsrfScope<'_>, tokens: &dyn CsrfTokens) -> bool {
        tokens.verify(binding, &self.token)
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
        let Form(form): Form<Tied<T>> = Form::from_request(request, state)
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
    B: BoundTo,
{
    type Rejection = ErrorPage;

    async fn from_request(request: Request, state: &S) -> Result<Self, ErrorPage> {
        let tokens = Arc::<dyn CsrfTokens>::from_ref(state);
        let names = Arc::<CookieNames>::from_ref(state);
        let headers = request.headers().clone();
        let uri = request.uri().clone();
        let form = SentForm::from_request(request, state).await?;
        if !B::verify(&headers, &names, &*tokens, &form) {
            WITHOUT_TOKEN
                .log(|forms| tracing::warn!(forms, "a form without its token was refused"));
            return Err(ErrorPage::form_out_of_date(&uri));
        }
        Ok(Self {
            fields: form.fields,
            binding: PhantomData,
        })
    }
}
