//! `GET /account/logins`, `POST /account/logins/{sid}/end`, `POST /account/logins/end-others`

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use holdfast_client::{
    ErrorReason,
    auth::{AuthService, ClientKind, LoginRecord},
};

use crate::{
    http::{
        form::{CsrfForm, ToSession},
        pages::{
            error::{self, ErrorPage},
            logout::signed_out,
            reauthenticate::{Act, Confirmation},
            render::{Moment, page},
        },
        request_source::Peer,
        service_error::Failure,
        signed_in::{PageActor, SessionWithToken},
        state::AppState,
    },
    session::{csrf_token::CsrfTokens, user_agent::describe},
};

const HERE: &str = "/account/logins";
const END_OTHERS: &str = "/account/logins/end-others";

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
    bound_at: Option<Moment>,
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
            bound_at: login.bound_at.map(Moment::from),
            is_current: login.is_current,
        }
    }
}

/// Shows where the person is signed in, this browser first.
pub(in crate::http) async fn show(
    State(auth): State<Arc<dyn AuthService>>,
    State(form_tokens): State<Arc<dyn CsrfTokens>>,
    PageActor(actor): PageActor,
) -> Result<Response, ErrorPage> {
    let logins = auth.logins(&actor.authorization).await;
    let mut logins: Vec<_> = logins
        .map_err(Failure::from)?
        .into_iter()
        .map(Place::from)
        .collect();
    logins.sort_by_key(|place| !place.is_current);
    let shown = LoginsPage {
        csrf_token: actor.browser.form_token(&*form_tokens),
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
    peer: Peer,
    form: CsrfForm<Confirmation, ToSession>,
) -> Result<Response, ErrorPage> {
    let client = peer.into_client(ClientKind::Browser);
    // What is no identifier was nobody's, and is not repeated in a form.
    let action = format!("/account/logins/{}/end", known_form(&sid)?);
    let act = Act {
        state: &state,
        action: Some(&action),
        client: &client,
    };
    let end = async |actor: &SessionWithToken| {
        let authorization = &actor.authorization;
        match state
            .auth
            .end_login_by_id(authorization, &sid, &client)
            .await
        {
            Err(error) if error.is_refused_as(ErrorReason::LoginNotFound) => {
                Ok(error::no_such_page().into_response())
            }
            Err(error) => Err(error),
            Ok(()) if sid == actor.browser.session.sid => {
                let ended = state.sessions.end(&actor.browser.id).await;
                Ok(ended.map_or_else(
                    |error| ErrorPage::from(Failure::from(error)).into_response(),
                    |()| signed_out(&state),
                ))
            }
            Ok(()) => Ok(Redirect::to(HERE).into_response()),
        }
    };
    Ok(act.run(actor, &form.fields, end).await)
}

/// Ends all logins but this browser's.
pub(in crate::http) async fn end_others(
    State(state): State<AppState>,
    PageActor(actor): PageActor,
    peer: Peer,
    form: CsrfForm<Confirmation, ToSession>,
) -> Response {
    let client = peer.into_client(ClientKind::Browser);
    let act = Act {
        state: &state,
        action: Some(END_OTHERS),
        client: &client,
    };
    let end = async |actor: &SessionWithToken| {
        let authorization = &actor.authorization;
        state.auth.end_other_logins(authorization, &client).await?;
        Ok(Redirect::to(HERE).into_response())
    };
    act.run(actor, &form.fields, end).await
}

fn known_form(sid: &str) -> Result<&str, ErrorPage> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if sid.bytes().all(is_plain) {
        Ok(sid)
    } else {
        Err(error::no_such_page())
    }
}
