//! Forms that cannot be read without their token: no unsafe page handler compiles without it.

use std::{marker::PhantomData, sync::Arc};

use axum::{
    Form,
    extract::{FromRef, FromRequest, Request, rejection::FormRejection},
    http::HeaderMap,
};
use serde::{Deserialize, de::DeserializeOwned};

use super::{content_type, cookies, pages::error::ErrorPage};
use crate::domain::{
    cookie_names::CookieNames,
    form_token::{Binding, FormTokens},
};

/// A form that came back from the browser it was made for.
pub(super) struct ProvenForm<T, B> {
    /// Its fields.
    pub(super) fields: T,
    binding: PhantomData<B>,
}

/// What a form is tied to.
pub(super) trait BoundTo {
    /// Whether `token` is the one for what these headers carry.
    fn verify(
        headers: &HeaderMap,
        names: &CookieNames,
        tokens: &dyn FormTokens,
        token: &str,
    ) -> bool;
}

/// Forms of signed-in people, tied to their session.
pub(super) struct ToSession;

/// Forms before sign-in, tied to a signed cookie.
pub(super) struct ToBrowser;

impl BoundTo for ToSession {
    fn verify(
        headers: &HeaderMap,
        names: &CookieNames,
        tokens: &dyn FormTokens,
        token: &str,
    ) -> bool {
        cookies::session_id(headers, names)
            .is_some_and(|id| tokens.verify(Binding::Session(&id), token))
    }
}

impl BoundTo for ToBrowser {
    fn verify(
        headers: &HeaderMap,
        names: &CookieNames,
        tokens: &dyn FormTokens,
        token: &str,
    ) -> bool {
        cookies::login_nonce(headers, names, tokens)
            .is_some_and(|nonce| tokens.verify(Binding::Anonymous(&nonce), token))
    }
}

#[derive(Deserialize)]
struct Tied<T> {
    #[serde(default)]
    csrf_token: String,
    #[serde(flatten)]
    fields: T,
}

impl<S, T, B> FromRequest<S> for ProvenForm<T, B>
where
    S: Send + Sync,
    Arc<dyn FormTokens>: FromRef<S>,
    Arc<CookieNames>: FromRef<S>,
    T: DeserializeOwned,
    B: BoundTo,
{
    type Rejection = ErrorPage;

    async fn from_request(request: Request, state: &S) -> Result<Self, ErrorPage> {
        let tokens = Arc::<dyn FormTokens>::from_ref(state);
        let names = Arc::<CookieNames>::from_ref(state);
        let headers = request.headers().clone();
        let request = content_type::with_plain_form(request);
        let Form(form): Form<Tied<T>> = Form::from_request(request, state)
            .await
            .map_err(|rejection: FormRejection| ErrorPage::unreadable_form(rejection.status()))?;
        if !B::verify(&headers, &names, &*tokens, &form.csrf_token) {
            tracing::warn!("a form without its token was refused");
            return Err(ErrorPage::form_out_of_date());
        }
        Ok(Self {
            fields: form.fields,
            binding: PhantomData,
        })
    }
}
