//! `GET /dashboard`: the session and the account of the person who is signed in.

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use holdfast_client::{Account, SecurityOverview};

use crate::{
    http::{
        extract::session::PageSessionWithToken,
        pages::{
            error::ErrorPage,
            notices::Notices,
            render::{Moment, page},
        },
        state::AppState,
    },
    service_error::ServiceError,
    session::authenticator::AuthenticatedSession,
};

const DASHBOARD: &str = "/dashboard";

#[derive(Template)]
#[template(path = "dashboard.html")]
struct Dashboard {
    csrf_token: String,
    notices: Notices,
    username: String,
    signed_in_at: Moment,
    ends_at: Moment,
    idle_minutes: u64,
    created_at: Moment,
    password_changed_at: Option<Moment>,
}

/// Shows the session and the account of the person who is signed in, and what happened to the account.
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    PageSessionWithToken(caller): PageSessionWithToken,
    headers: HeaderMap,
) -> Result<Response, ErrorPage> {
    let overview = state.auth.security_overview(&caller.authorization).await;
    let SecurityOverview {
        account, events, ..
    } = overview.map_err(ServiceError::from)?;
    let session = &caller.session;
    let notices = Notices::of((&state, &headers), session, &events, DASHBOARD);
    let dashboard = dashboard(&state, session, account, notices);
    let response = page(StatusCode::OK, &dashboard);
    let notices = &dashboard.notices;
    Ok(notices.with_own_acknowledged(response, &state, session))
}

fn dashboard(
    state: &AppState,
    session: &AuthenticatedSession,
    account: Account,
    notices: Notices,
) -> Dashboard {
    let lifetimes = state.sessions.lifetimes();
    Dashboard {
        csrf_token: session.csrf_token(state.csrf_tokens()),
        notices,
        username: account.username,
        signed_in_at: session.record.authenticated_at.into(),
        ends_at: lifetimes.absolute_end(&session.record).into(),
        idle_minutes: lifetimes.idle.as_secs().div_ceil(60),
        created_at: account.created_at.into(),
        password_changed_at: account.password_changed_at.map(Moment::from),
    }
}
