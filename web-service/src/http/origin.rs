//! Requests that change something come from our own pages, or from no page at all (ASVS 3.5).

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use futures_util::future::Either;
use tower::{Layer, Service};

use super::language::Language;
use crate::{
    config::PublicUrl,
    domain::provenance::{Provenance, judge},
};

/// Refuses every unsafe request that another page sent. What says nothing of where it comes from is let through to the
/// form token, without which no form is read.
#[derive(Clone)]
pub(super) struct RefuseForeign(pub(super) Arc<PublicUrl>);

/// What is behind [`RefuseForeign`].
#[derive(Clone)]
pub(super) struct FromHome<S> {
    behind: S,
    public_url: Arc<PublicUrl>,
}

impl<S> Layer<S> for RefuseForeign {
    type Service = FromHome<S>;

    fn layer(&self, behind: S) -> FromHome<S> {
        let public_url = Arc::clone(&self.0);
        FromHome { behind, public_url }
    }
}

impl<S> Service<Request> for FromHome<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Either<S::Future, Ready<Result<Response, Infallible>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.behind.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let is_safe = request.method().is_safe();
        if is_safe || provenance(request.headers(), &self.public_url.origin) != Provenance::Foreign
        {
            return Either::Left(self.behind.call(request));
        }
        tracing::warn!("a request from a foreign page was refused");
        Either::Right(ready(Ok(
            Language::of(request.uri().path()).refuse_foreign()
        )))
    }
}

pub(super) fn provenance(headers: &HeaderMap, own_origin: &str) -> Provenance {
    let value = |name| {
        headers
            .get(name)
            .map(|value: &HeaderValue| value.as_bytes())
    };
    judge(
        value("sec-fetch-site"),
        value(header::ORIGIN.as_str()),
        own_origin,
    )
}
