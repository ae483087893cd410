//! `GET`, `POST /continue`: the redirect to an application of another origin. The response to a form may lead there from this page only
//! (`form-action`), and the page shows the destination. It has a form and not a link: the form is sent to the page's own address, so that
//! the browser keeps the fragment, which no server sees.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};
use serde::Deserialize;
use url::Url;

use crate::{
    http::{
        headers,
        pages::{
            error::{ErrorPage, no_such_page},
            render::page,
        },
    },
    request::redirect_origins::AllowedRedirectOrigins,
};

#[derive(Template)]
#[template(path = "external_redirect.html")]
struct ExternalRedirectPage<'a> {
    host: &'a str,
}

/// The query: the URL to redirect to.
#[derive(Deserialize)]
pub(in crate::http) struct Target {
    pub(super) to: String,
}

/// Shows the destination, if it has an allowed origin.
pub(in crate::http) async fn show(
    State(origins): State<Arc<AllowedRedirectOrigins>>,
    target: Result<Query<Target>, QueryRejection>,
) -> Result<Response, ErrorPage> {
    let url = allowed_url(&origins, target)?;
    let template = ExternalRedirectPage {
        host: url.host_str().unwrap_or_default(),
    };
    let origin = url.origin().ascii_serialization();
    let policy = headers::policy_with_forms_to(&origin).ok_or_else(no_such_page)?;
    let policy = [(header::CONTENT_SECURITY_POLICY, policy)];
    Ok((policy, page(StatusCode::OK, &template)).into_response())
}

/// Redirects there. That changes nothing, so that the form needs no CSRF token.
pub(in crate::http) async fn submit(
    State(origins): State<Arc<AllowedRedirectOrigins>>,
    target: Result<Query<Target>, QueryRejection>,
) -> Result<Redirect, ErrorPage> {
    Ok(Redirect::to(allowed_url(&origins, target)?.as_str()))
}

fn allowed_url(
    origins: &AllowedRedirectOrigins,
    target: Result<Query<Target>, QueryRejection>,
) -> Result<Url, ErrorPage> {
    let Query(target) = target.map_err(|_| no_such_page())?;
    origins.accept(&target.to).ok_or_else(no_such_page)
}
