//! `GET /account/again`: back to an application of another origin, once the browser has shown its device here. For that application
//! it is not asked.

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, Uri},
    response::{IntoResponse as _, Redirect, Response},
};

use crate::http::{
    dbsc, next,
    pages::{
        error::{ErrorPage, PageRefusal, no_such_page},
        external_redirect::Target,
        self_reload::SelfReload,
    },
    request_source::{Socket, Visitor},
    signed_in::{AuthenticatedSession, SessionError},
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
    Ok(match AuthenticatedSession::find(visitor, &state).await {
        Ok(_) => Redirect::to(url.as_str()).into_response(),
        Err(SessionError::NoProof) if dbsc::is_led_here(&headers) => {
            SelfReload::at(&uri).into_response()
        }
        Err(SessionError::NoSession | SessionError::NoProof) => {
            let onward = format!("/continue?to={}", next::encoded(url.as_str()));
            Redirect::to(&next::page_with("/login", Some(&onward), false)).into_response()
        }
        Err(refused) => PageRefusal::after_a_form(refused).into_response(),
    })
}
