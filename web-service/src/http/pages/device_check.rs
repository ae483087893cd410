//! `GET /account/again`: back to an application of another origin, after the browser renewed the device proof here. For requests to the
//! application it does not renew it.

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, Uri},
    response::{IntoResponse as _, Redirect, Response},
};

use crate::{
    http::{
        extract::peer::PeerAddress,
        pages::{
            error::{ErrorPage, PageRejection, no_such_page},
            external_redirect::Target,
            self_reload::SelfReload,
        },
        state::AppState,
    },
    request::{device_proof::is_cross_site_navigation, next_query},
    session::authenticator::SessionError,
};

/// Redirects back to an allowed origin. Without a session the person signs in first, and comes back by way of a page.
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    target: Result<Query<Target>, QueryRejection>,
    uri: Uri,
    PeerAddress(peer): PeerAddress,
    headers: HeaderMap,
) -> Result<Response, ErrorPage> {
    let target = target.map_err(|_| no_such_page())?.0;
    let url = state.redirect_origins.accept(&target.to);
    let url = url.ok_or_else(no_such_page)?;
    let request = state.requests.read(&headers, peer);
    Ok(match state.authenticator.authenticate(&request).await {
        Ok(_) => Redirect::to(url.as_str()).into_response(),
        Err(SessionError::NoDeviceProof) if is_cross_site_navigation(&headers) => {
            SelfReload::at(&uri).into_response()
        }
        Err(SessionError::NoSession | SessionError::NoDeviceProof) => {
            let next = format!("/continue?to={}", next_query::encoded(url.as_str()));
            Redirect::to(&next_query::page_with("/login", Some(&next), false)).into_response()
        }
        Err(error) => PageRejection::after_form(error).into_response(),
    })
}
