//! `GET /account/logins`, `POST /account/logins/{sid}/end`, `POST /account/logins/end-others`

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};

use super::{
    error::ErrorPage,
    logout::Nothing,
    render::{Moment, page, with_cookie},
};
use crate::{
    domain::{
        auth::{Auth, ClientKind, LOGIN_NOT_FOUND, LoginRecord},
        form_token::{Binding, FormTokens},
        user_agent::describe,
    },
    http::{
        cookies,
        failure::Failure,
        form::{ProvenForm, ToSession},
        signed_in::PageActor,
        state::AppState,
    },
};

const HERE: &str = "/account/logins";

#[derive(Template)]
#[template(path = "logins.html")]
struct LoginsPage {
    csrf_token: String,
    logins: Vec<Place>,
    has_others: bool,
}

/// A place where the person is signed in.
struct Place {
    sid: String,
    client: String,
    is_program: bool,
    ip_address: String,
    since: Moment,
    last_seen: Moment,
    is_current: bool,
}

impl From<LoginRecord> for Place {
    fn from(login: LoginRecord) -> Self {
        Self {
            client: describe(&login.user_agent),
            is_program: login.kind == ClientKind::Api,
            sid: login.sid,
            ip_address: login.ip_address,
            since: login.created_at.into(),
            last_seen: login.last_seen_at.into(),
            is_current: login.is_current,
        }
    }
}

/// Shows where the person is signed in, this browser first.
pub(in crate::http) async fn show(
    State(auth): State<Arc<dyn Auth>>,
    State(form_tokens): State<Arc<dyn FormTokens>>,
    PageActor(actor): PageActor,
) -> Result<Response, ErrorPage> {
    let logins = auth.logins(&actor.access_token).await;
    let mut logins: Vec<_> = logins
        .map_err(Failure::from)?
        .into_iter()
        .map(Place::from)
        .collect();
    logins.sort_by_key(|place| !place.is_current);
    let shown = LoginsPage {
        csrf_token: form_tokens.token(Binding::Session(&actor.browser.id)),
        has_others: logins.len() > 1,
        logins,
    };
    Ok(page(StatusCode::OK, &shown))
}

/// Ends one login; this browser's own is a sign-out.
pub(in crate::http) async fn end(
    State(state): State<AppState>,
    PageActor(actor): PageActor,
    Path(sid): Path<String>,
    _form: ProvenForm<Nothing, ToSession>,
) -> Result<Response, ErrorPage> {
    let ended = state.auth.end_login_by_id(&actor.access_token, &sid).await;
    match ended {
        Err(error) if error.is_refused_as(LOGIN_NOT_FOUND) => {
            return Err(super::error::not_found().await);
        }
        ended => ended.map_err(Failure::from)?,
    }
    if sid != actor.browser.session.sid {
        return Ok(Redirect::to(HERE).into_response());
    }
    let id = &actor.browser.id;
    state.sessions.end(id).await.map_err(Failure::from)?;
    let response = Redirect::to("/login").into_response();
    Ok(with_cookie(response, cookies::remove_session()))
}

/// Ends all logins but this browser's.
pub(in crate::http) async fn end_others(
    State(auth): State<Arc<dyn Auth>>,
    PageActor(actor): PageActor,
    _form: ProvenForm<Nothing, ToSession>,
) -> Result<Response, ErrorPage> {
    let ended = auth.end_other_logins(&actor.access_token).await;
    ended.map_err(Failure::from)?;
    Ok(Redirect::to(HERE).into_response())
}
