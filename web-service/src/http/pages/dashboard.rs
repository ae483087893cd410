//! `GET /dashboard`

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use holdfast_client::auth::{Account, AuthService};

use crate::{
    http::{
        pages::{
            error::ErrorPage,
            render::{Moment, page},
        },
        service_error::Failure,
        signed_in::{AuthenticatedSession, PageActor},
    },
    session::{csrf_token::CsrfTokens, sessions::Sessions},
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
    password_changed_at: Moment,
}

/// Greets the person and shows their session and account.
pub(in crate::http) async fn show(
    State(auth): State<Arc<dyn AuthService>>,
    State(sessions): State<Sessions>,
    State(form_tokens): State<Arc<dyn CsrfTokens>>,
    PageActor(actor): PageActor,
) -> Result<Response, ErrorPage> {
    let account = auth
        .account(&actor.authorization)
        .await
        .map_err(Failure::from)?;
    let csrf_token = actor.browser.form_token(&*form_tokens);
    Ok(page(
        StatusCode::OK,
        &dashboard(csrf_token, &actor.browser, account, &sessions),
    ))
}

fn dashboard(
    csrf_token: String,
    browser: &AuthenticatedSession,
    account: Account,
    sessions: &Sessions,
) -> Dashboard {
    let lifetimes = sessions.lifetimes();
    Dashboard {
        csrf_token,
        username: account.username,
        signed_in_at: browser.session.authenticated_at.into(),
        ends_at: lifetimes.absolute_end(&browser.session).into(),
        idle_minutes: lifetimes.idle.as_secs().div_ceil(60),
        created_at: account.created_at.into(),
        password_changed_at: account.password_changed_at.into(),
    }
}
