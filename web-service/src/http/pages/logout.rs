//! `POST /logout`

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Uri},
    response::{IntoResponse as _, Redirect, Response},
};
use holdfast_client::auth::{ClientInfo, ClientKind};
use secrecy::SecretString;
use serde::Deserialize;

use crate::{
    http::{
        cookies, csrf::provenance, dbsc, form::SentForm, pages::error::ErrorPage,
        request_source::Peer, service_error::Failure, state::AppState,
    },
    request::fetch_metadata::RequestInitiator,
    session::{
        csrf_token::CsrfScope, session_id::SessionId, sessions::RecordsUnavailable,
        sign_out::sign_out,
    },
};

pub(super) const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");
/// Not `"cookies"`: ours are removed one by one, `__Host-known` is to stay, and those of sibling hosts are not ours to clear.
const CACHE_AND_STORAGE: HeaderValue = HeaderValue::from_static(r#""cache", "storage""#);

/// The form has its token and nothing else.
#[derive(Deserialize)]
pub(in crate::http) struct Nothing {}

/// Ends the login and the session, and removes the cookie. While one part does not answer, the other is still done.
pub(in crate::http) async fn submit(
    State(state): State<AppState>,
    headers: HeaderMap,
    peer: Peer,
    uri: Uri,
    form: SentForm<Nothing>,
) -> Result<Response, ErrorPage> {
    let id = cookies::session_id(&headers, &state.cookie_names);
    if !may_sign_out(&state, &headers, id.as_ref(), &form).await? {
        return Err(ErrorPage::form_out_of_date(&uri));
    }
    if let Some(id) = id {
        let client = peer.into_client(ClientKind::Browser);
        end(&state, &id, &client).await.map_err(Failure::from)?;
    }
    Ok(signed_out(&state))
}

/// Ends the session of this id and its login. An id that was replaced a moment ago, by an answer that may have been lost, leads to
/// the session that goes on.
async fn end(
    state: &AppState,
    id: &SessionId,
    client: &ClientInfo,
) -> Result<(), RecordsUnavailable> {
    let end_login = async |refresh_token: &SecretString| {
        sign_out(&*state.auth, &*state.end_later, refresh_token, client).await;
    };
    if let Some(session) = state.sessions.find(id).await? {
        end_login(&session.refresh_token).await;
    }
    state.sessions.end(id).await?;
    // Also where there was a session: the replacement may have come between.
    if let Some(successor) = state.sessions.successor(id).await? {
        end_login(&successor.refresh_token).await;
        state.sessions.end(&successor.id).await?;
    }
    Ok(())
}

/// Whether the form is this session's, or an older one's of the same person: they may have confirmed their password, or signed out
/// and in again, in another tab. Then the browser has to say that a page of ours sent it, too (ADR 24).
async fn may_sign_out(
    state: &AppState,
    headers: &HeaderMap,
    id: Option<&SessionId>,
    form: &SentForm<Nothing>,
) -> Result<bool, ErrorPage> {
    let tokens = &*state.form_tokens;
    if id.is_some_and(|id| form.was_made_for(CsrfScope::Session(id), tokens)) {
        return Ok(true);
    }
    if provenance(headers, &state.public_url.origin) != RequestInitiator::SameOrigin {
        return Ok(false);
    }
    let session = match id {
        Some(id) => state.sessions.find(id).await.map_err(Failure::from)?,
        None => None,
    };
    // Without a session there is nothing to end, and the person is where they want to be.
    Ok(
        session
            .is_none_or(|session| form.was_made_for(CsrfScope::Person(&session.user_id), tokens)),
    )
}

/// Nothing of the session stays in the browser.
pub(super) fn signed_out(state: &AppState) -> Response {
    let mut response = Redirect::to("/login?signed_out").into_response();
    if state.site_data.is_cleared {
        response
            .headers_mut()
            .insert(CLEAR_SITE_DATA, CACHE_AND_STORAGE);
    }
    dbsc::with_cookies_removed(response, state)
}
