//! `GET /account/again`: back to an application of another origin, once the browser has shown its device here. For that application
//! it is not asked.

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, Uri},
    response::{IntoResponse as _, Redirect, Response},
};

use super::{
    error::{ErrorPage, PageRefusal, no_such_page},
    load_again::LoadAgain,
    onward::Target,
};
use crate::http::{
    client::{Socket, Visitor},
    device, next,
    signed_in::{Browser, NotSignedIn},
    state::AppState,
};

/// Goes back to a listed origin; where that cannot be, the person is to sign in, and then comes back by way of a page.
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    target: Result<Query<Target>, QueryRejection>,
    uri: Uri,
    Socket(socket): Socket,
    headers: HeaderMap,
) -> Result<Response, ErrorPage> {
    let target = target.map_err(|_| no_such_page())?.0;
    let url = state.return_origins.accept(&target.to);
    let url = url.ok_or_else(no_such_page)?;
    let visitor = Visitor {
        headers: &headers,
        socket,
    };
    Ok(match Browser::find(visitor, &state).await {
        Ok(_) => Redirect::to(url.as_str()).into_response(),
        Err(NotSignedIn::NoProof) if device::is_led_here(&headers) => {
            LoadAgain::at(&uri).into_response()
        }
        Err(NotSignedIn::NoSession | NotSignedIn::NoProof) => {
            let onward = format!("/continue?to={}", next::encoded(url.as_str()));
            Redirect::to(&next::page_with("/login", Some(&onward), false)).into_response()
        }
        Err(refused) => PageRefusal::after_a_form(refused).into_response(),
    })
}
