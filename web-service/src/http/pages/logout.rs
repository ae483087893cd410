//! `POST /logout`: sign-out of a browser.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Uri},
    response::{IntoResponse as _, Redirect, Response},
};
use holdfast_client::ClientInfo;
use secrecy::SecretString;
use serde::Deserialize;

use crate::{
    http::{
        csrf::initiator,
        dbsc,
        extract::{client::BrowserInfo, form::SentForm},
        pages::error::ErrorPage,
        state::AppState,
    },
    request::{cookies, fetch_metadata::RequestInitiator},
    service_error::ServiceError,
    session::{
        csrf_token::CsrfScope, session_id::SessionId, sign_out::sign_out,
        unavailable::RecordsUnavailable,
    },
};

pub(super) const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");
/// Without `"cookies"`: those of this service are removed one by one, `__Host-known` stays, and those of sibling hosts are not to be
/// cleared.
const CACHE_AND_STORAGE: HeaderValue = HeaderValue::from_static(r#""cache", "storage""#);
/// `"storage"` would also remove the key that the trust of a browser is bound to.
const CACHE: HeaderValue = HeaderValue::from_static(r#""cache""#);

/// The form: a CSRF token and no other field.
#[derive(Deserialize)]
pub(in crate::http) struct LogoutForm {}

/// Ends the login and the session, and removes the cookie. While one part does not answer, the other is still done.
pub(in crate::http) async fn submit(
    State(state): State<AppState>,
    headers: HeaderMap,
    BrowserInfo(client): BrowserInfo,
    uri: Uri,
    form: SentForm<LogoutForm>,
) -> Result<Response, ErrorPage> {
    let id = cookies::session_id(&headers, state.cookie_names());
    if !may_sign_out(&state, &headers, id.as_ref(), &form).await? {
        return Err(ErrorPage::form_out_of_date(&uri));
    }
    if let Some(id) = id {
        end(&state, &id, &client)
            .await
            .map_err(ServiceError::from)?;
    }
    Ok(signed_out(&state, &headers))
}

/// Ends the session with this id, and its login. An id that was replaced within the last minute, by a response that may have been lost,
/// stands for its successor.
pub(super) async fn end(
    state: &AppState,
    id: &SessionId,
    client: &ClientInfo,
) -> Result<(), RecordsUnavailable> {
    let end_login = async |refresh_token: &SecretString| {
        sign_out(&state.auth, &state.deferred_sign_out, refresh_token, client).await;
    };
    if let Some(session) = state.sessions.find(id).await? {
        end_login(&session.refresh_token).await;
    }
    state.sessions.end(id).await?;
    // Also where there was a session: it may have been replaced meanwhile.
    if let Some(successor) = state.sessions.successor(id).await? {
        end_login(&successor.refresh_token).await;
        state.sessions.end(&successor.id).await?;
    }
    Ok(())
}

/// Whether the CSRF token is that of this session, or of an earlier session of the same person: they may have reauthenticated, or signed
/// out and in again, in another tab. For an earlier one the browser also has to report that a page of this origin sent the form (ADR 24).
pub(super) async fn may_sign_out<T>(
    state: &AppState,
    headers: &HeaderMap,
    id: Option<&SessionId>,
    form: &SentForm<T>,
) -> Result<bool, ErrorPage> {
    let tokens = state.csrf_tokens();
    if id.is_some_and(|id| form.has_token_of(CsrfScope::Session(id), tokens)) {
        return Ok(true);
    }
    if initiator(headers, &state.public_url.origin) != RequestInitiator::SameOrigin {
        return Ok(false);
    }
    let session = match id {
        Some(id) => state.sessions.find(id).await.map_err(ServiceError::from)?,
        None => None,
    };
    // Without a session there is nothing to end.
    Ok(
        session
            .is_none_or(|session| form.has_token_of(CsrfScope::Person(&session.user_id), tokens)),
    )
}

/// The response after sign-out.
pub(super) fn signed_out(state: &AppState, headers: &HeaderMap) -> Response {
    with_site_data_cleared(
        Redirect::to("/login?signed_out").into_response(),
        state,
        headers,
    )
}

/// A response to a sign-out: nothing of the session stays in the browser.
pub(super) fn with_site_data_cleared(
    mut response: Response,
    state: &AppState,
    headers: &HeaderMap,
) -> Response {
    let browser = cookies::trusted_browser(headers, state.cookie_names());
    let has_bound_trust = browser.is_some_and(|browser| browser.key.is_some());
    let cleared = if has_bound_trust {
        CACHE
    } else {
        CACHE_AND_STORAGE
    };
    if state.site_data.is_cleared {
        response.headers_mut().insert(CLEAR_SITE_DATA, cleared);
    }
    dbsc::with_cookies_removed(response, state)
}
