//! A page that loads its own address once more. Where another site led here, the browser did not have its device asked; for
//! what a page of ours asks, it does.

use askama::Template;
use axum::{
    http::{StatusCode, Uri, uri::PathAndQuery},
    response::{IntoResponse, Response},
};

use crate::http::pages::render::page;

/// The page.
#[derive(Debug, Template)]
#[template(path = "load_again.html")]
pub(in crate::http) struct SelfReload {
    here: String,
}

impl SelfReload {
    /// For who asked for this.
    pub(in crate::http) fn at(uri: &Uri) -> Self {
        let here = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        Self {
            here: here.to_owned(),
        }
    }
}

impl IntoResponse for SelfReload {
    fn into_response(self) -> Response {
        page(StatusCode::UNAUTHORIZED, &self)
    }
}
