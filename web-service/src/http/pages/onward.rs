//! `GET /continue`: the last step to an application of another origin. A form's answer may not lead there (`form-action`), and
//! people see where they go.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;

use super::{
    error::{ErrorPage, no_such_page},
    render::page,
};
use crate::domain::return_origins::ReturnOrigins;

#[derive(Template)]
#[template(path = "continue.html")]
struct Continue {
    host: String,
    url: String,
}

/// Where to.
#[derive(Deserialize)]
pub(in crate::http) struct Target {
    pub(super) to: String,
}

/// Shows the way, where it leads to a listed origin.
pub(in crate::http) async fn show(
    State(origins): State<Arc<ReturnOrigins>>,
    target: Result<Query<Target>, QueryRejection>,
) -> Result<Response, ErrorPage> {
    let target = target.map_err(|_| no_such_page())?.0;
    let url = origins.accept(&target.to).ok_or_else(no_such_page)?;
    let shown = Continue {
        host: url.host_str().unwrap_or_default().to_owned(),
        url: url.into(),
    };
    Ok(page(StatusCode::OK, &shown))
}
