//! `GET`, `POST /continue`: the last step to an application of another origin. A form's answer may lead there from this page only
//! (`form-action`), and people see where they go. A form, not a link: it posts to the page's own address, and so the browser keeps
//! the fragment that only it knows.

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
#[template(path = "continue.html")]
struct Continue<'a> {
    host: &'a str,
}

/// Where to.
#[derive(Deserialize)]
pub(in crate::http) struct Target {
    pub(super) to: String,
}

/// Shows the way, where it leads to a listed origin.
pub(in crate::http) async fn show(
    State(origins): State<Arc<AllowedRedirectOrigins>>,
    target: Result<Query<Target>, QueryRejection>,
) -> Result<Response, ErrorPage> {
    let url = listed(&origins, target)?;
    let shown = Continue {
        host: url.host_str().unwrap_or_default(),
    };
    let origin = url.origin().ascii_serialization();
    let policy = headers::policy_with_forms_to(&origin).ok_or_else(no_such_page)?;
    let policy = [(header::CONTENT_SECURITY_POLICY, policy)];
    Ok((policy, page(StatusCode::OK, &shown)).into_response())
}

/// Goes there. It changes nothing, so its form needs no token.
pub(in crate::http) async fn submit(
    State(origins): State<Arc<AllowedRedirectOrigins>>,
    target: Result<Query<Target>, QueryRejection>,
) -> Result<Redirect, ErrorPage> {
    Ok(Redirect::to(listed(&origins, target)?.as_str()))
}

fn listed(
    origins: &AllowedRedirectOrigins,
    target: Result<Query<Target>, QueryRejection>,
) -> Result<Url, ErrorPage> {
    let Query(target) = target.map_err(|_| no_such_page())?;
    origins.accept(&target.to).ok_or_else(no_such_page)
}
