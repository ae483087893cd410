//! `GET /account/logins`, `POST /account/logins/{sid}/end`, `POST /account/logins/end-others` and `POST /account/grants/{id}/end`: the
//! logins of the account, and their grants.

use std::net::IpAddr;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Redirect, Response},
};
use holdfast_client::{ClientKind, ErrorReason, GrantRecord, LoginRecord};

use crate::{
    http::{
        extract::{client::BrowserInfo, session::PageSessionWithToken},
        pages::{
            error::{self, ErrorPage},
            logout::signed_out,
            notices::Notices,
            reauthenticate::{ConfirmationForm, SensitiveOperation},
            render::{Moment, page},
            trusted_browsers::BrowserItem,
        },
        state::AppState,
    },
    service_error::ServiceError,
    session::{authenticator::SessionWithToken, user_agent::describe},
};

/// The address of the page.
pub(super) const LOGINS: &str = "/account/logins";
const END_OTHERS: &str = "/account/logins/end-others";

#[derive(Template)]
#[template(path = "logins.html")]
struct LoginsPage {
    csrf_token: String,
    logins: Vec<LoginItem>,
    has_others: bool,
    browsers: Vec<BrowserItem>,
    notices: Notices,
}

/// A login as the page shows it.
struct LoginItem {
    sid: String,
    client: String,
    is_program: bool,
    ip_address: Option<IpAddr>,
    since: Moment,
    last_seen: Moment,
    bound_at: Option<Moment>,
    is_current: bool,
    /// The OAuth clients that were granted access beside the one that signed in.
    applications: Vec<ApplicationItem>,
}

/// A grant of an OAuth client as the page shows it.
struct ApplicationItem {
    grant_id: String,
    client_id: String,
    since: Moment,
}

impl From<GrantRecord> for ApplicationItem {
    fn from(grant: GrantRecord) -> Self {
        Self {
            grant_id: grant.id,
            client_id: grant.client_id,
            since: grant.created_at.into(),
        }
    }
}

impl From<LoginRecord> for LoginItem {
    fn from(login: LoginRecord) -> Self {
        let applications = login
            .grants
            .into_iter()
            .filter(|grant| grant.id != login.sid);
        Self {
            applications: applications.map(ApplicationItem::from).collect(),
            client: describe(login.user_agent.as_deref()),
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

/// Lists the logins of the account, that of this browser first.
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    PageSessionWithToken(caller): PageSessionWithToken,
    headers: HeaderMap,
) -> Result<Response, ErrorPage> {
    let (auth, authorization) = (&state.auth, &caller.authorization);
    let (logins, browsers, overview) = tokio::try_join!(
        auth.logins(authorization),
        auth.trusted_browsers(authorization),
        auth.security_overview(authorization)
    )
    .map_err(ServiceError::from)?;
    let mut logins: Vec<_> = logins.into_iter().map(LoginItem::from).collect();
    logins.sort_by_key(|login| !login.is_current);
    let template = LoginsPage {
        csrf_token: caller.session.csrf_token(state.csrf_tokens()),
        notices: Notices::of(
            (&state, &headers),
            &caller.session,
            &overview.events,
            LOGINS,
        ),
        has_others: logins.len() > 1,
        browsers: browsers.into_iter().map(BrowserItem::from).collect(),
        logins,
    };
    Ok(page(StatusCode::OK, &template))
}

/// Ends one login; this browser's own is a sign-out.
pub(in crate::http) async fn end(
    State(state): State<AppState>,
    PageSessionWithToken(caller): PageSessionWithToken,
    Path(sid): Path<String>,
    BrowserInfo(client): BrowserInfo,
    headers: HeaderMap,
    form: ConfirmationForm,
) -> Result<Response, ErrorPage> {
    // A text that is no identifier names no login, and is not repeated in a form.
    let action = format!("/account/logins/{}/end", plain_id(&sid)?);
    let operation = SensitiveOperation::of(&state, &action, &client);
    let end = async |caller: &SessionWithToken| {
        let authorization = &caller.authorization;
        match state
            .auth
            .end_login_by_id(authorization, &sid, &client)
            .await
        {
            Err(error) if error.is_refused_as(ErrorReason::LoginNotFound) => {
                Ok(error::no_such_page().into_response())
            }
            Err(error) => Err(error),
            Ok(()) if sid == caller.session.record.sid => {
                let ended = state.sessions.end(&caller.session.id).await;
                Ok(ended.map_or_else(
                    |error| ErrorPage::from(ServiceError::from(error)).into_response(),
                    |()| signed_out(&state, &headers),
                ))
            }
            Ok(()) => Ok(Redirect::to(LOGINS).into_response()),
        }
    };
    Ok(operation.run(caller, &form, end).await)
}

/// Ends a grant of an OAuth client; its login goes on.
pub(in crate::http) async fn end_grant(
    State(state): State<AppState>,
    PageSessionWithToken(caller): PageSessionWithToken,
    Path(id): Path<String>,
    BrowserInfo(client): BrowserInfo,
    form: ConfirmationForm,
) -> Result<Response, ErrorPage> {
    let action = format!("/account/grants/{}/end", plain_id(&id)?);
    let operation = SensitiveOperation::of(&state, &action, &client);
    let end = async |caller: &SessionWithToken| {
        let ended = state.auth.end_grant(&caller.authorization, &id, &client);
        match ended.await {
            Err(error) if error.is_refused_as(ErrorReason::GrantNotFound) => {
                Ok(error::no_such_page().into_response())
            }
            Err(error) => Err(error),
            Ok(()) => Ok(Redirect::to(LOGINS).into_response()),
        }
    };
    Ok(operation.run(caller, &form, end).await)
}

/// Ends all logins but this browser's.
pub(in crate::http) async fn end_others(
    State(state): State<AppState>,
    PageSessionWithToken(caller): PageSessionWithToken,
    BrowserInfo(client): BrowserInfo,
    form: ConfirmationForm,
) -> Response {
    let operation = SensitiveOperation::of(&state, END_OTHERS, &client);
    let end = async |caller: &SessionWithToken| {
        let authorization = &caller.authorization;
        state.auth.end_other_logins(authorization, &client).await?;
        Ok(Redirect::to(LOGINS).into_response())
    };
    operation.run(caller, &form, end).await
}

/// An identifier in a path that may be repeated in a form; any other names nothing.
pub(super) fn plain_id(id: &str) -> Result<&str, ErrorPage> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if id.bytes().all(is_plain) {
        Ok(id)
    } else {
        Err(error::no_such_page())
    }
}
