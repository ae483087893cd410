//! `GET /dashboard`: the session and the account of the person who is signed in.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use holdfast_client::{Account, AuthClient};

use crate::{
    http::{
        extract::session::PageSessionWithToken,
        pages::{
            error::ErrorPage,
            render::{Moment, page},
        },
    },
    service_error::ServiceError,
    session::{authenticator::AuthenticatedSession, csrf_token::CsrfTokens, sessions::Sessions},
};

#[derive(Template)]
#[template(path = "dashboard.html")]
struct Dashboard {
    csrf_token: String,
    username: String,
    signed_in_at: Moment,
    ends_at: Moment,
    idle_minutes: u64,
    created_at: Moment,
    password_changed_at: Option<Moment>,
}

/// Shows the session and the account of the person who is signed in.
pub(in crate::http) async fn show(
    State(auth): State<AuthClient>,
    State(sessions): State<Sessions>,
    State(csrf_tokens): State<Arc<dyn CsrfTokens>>,
    PageSessionWithToken(caller): PageSessionWithToken,
) -> Result<Response, ErrorPage> {
    let account = auth
        .account(&caller.authorization)
        .await
        .map_err(ServiceError::from)?;
    let csrf_token = caller.session.csrf_token(&*csrf_tokens);
    Ok(page(
        StatusCode::OK,
        &dashboard(csrf_token, &caller.session, account, &sessions),
    ))
}

fn dashboard(
    csrf_token: String,
    session: &AuthenticatedSession,
    account: Account,
    sessions: &Sessions,
) -> Dashboard {
    let lifetimes = sessions.lifetimes();
    Dashboard {
        csrf_token,
        username: account.username,
        signed_in_at: session.record.authenticated_at.into(),
        ends_at: lifetimes.absolute_end(&session.record).into(),
        idle_minutes: lifetimes.idle.as_secs().div_ceil(60),
        created_at: account.created_at.into(),
        password_changed_at: account.password_changed_at.map(Moment::from),
    }
}
