//! A page that loads its own address again. Browsers do not renew the device proof for a navigation from another site; for one from a page
//! of this origin they do.

use askama::Template;
use axum::{
    http::{StatusCode, Uri, uri::PathAndQuery},
    response::{IntoResponse, Response},
};

use crate::http::pages::render::page;

/// The page, with its own address.
#[derive(Debug, Template)]
#[template(path = "self_reload.html")]
pub(in crate::http) struct SelfReload {
    address: String,
}

impl SelfReload {
    /// The page at this address.
    pub(in crate::http) fn at(uri: &Uri) -> Self {
        let address = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        Self {
            address: address.to_owned(),
        }
    }
}

impl IntoResponse for SelfReload {
    fn into_response(self) -> Response {
        page(StatusCode::UNAUTHORIZED, &self)
    }
}
