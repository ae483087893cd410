//! `POST /account/trusted-browsers/{id}/end`, and the list of the browsers in which the second factor is not asked for.

use axum::{
    extract::{Path, State},
    response::Response,
};
use holdfast_client::{AuthClient, TrustedBrowser};
use serde::Deserialize;

use crate::{
    http::{
        extract::{
            client::BrowserInfo,
            form::{CsrfForm, ToSession},
            session::PageSessionWithToken,
        },
        pages::{
            error::ErrorPage,
            logins::{LOGINS, plain_id},
            render::Moment,
            security::{SECURITY, changed},
        },
    },
    service_error::ServiceError,
    session::user_agent::describe,
};

/// A trusted browser as the pages show it.
pub(super) struct BrowserItem {
    pub(super) id: String,
    pub(super) browser: String,
    pub(super) is_bound: bool,
    pub(super) since: Moment,
    pub(super) last_used: Option<Moment>,
    pub(super) until: Moment,
}

impl From<TrustedBrowser> for BrowserItem {
    fn from(browser: TrustedBrowser) -> Self {
        Self {
            id: browser.id,
            browser: describe(browser.user_agent.as_deref()),
            is_bound: browser.is_bound,
            since: browser.created_at.into(),
            last_used: browser.last_used_at.map(Moment::from),
            until: browser.expires_at.into(),
        }
    }
}

/// The form: a CSRF token, and the page that has it.
#[derive(Deserialize)]
pub(in crate::http) struct EndTrustForm {
    #[serde(default)]
    page: String,
}

/// Ends the trust of a browser, which needs no recent authentication: the second factor is asked for there again.
pub(in crate::http) async fn end(
    State(auth): State<AuthClient>,
    PageSessionWithToken(caller): PageSessionWithToken,
    Path(id): Path<String>,
    BrowserInfo(client): BrowserInfo,
    form: CsrfForm<EndTrustForm, ToSession>,
) -> Result<Response, ErrorPage> {
    let id = plain_id(&id)?;
    let ended = auth.end_trusted_browser(&caller.authorization, id, &client);
    let page = if form.fields.page == LOGINS {
        LOGINS
    } else {
        SECURITY
    };
    changed(ended.await, page).map_err(|error| ServiceError::from(error).into())
}
