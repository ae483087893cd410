//! `GET`, `POST /oauth2/logout` and `POST /oauth2/logout/confirm`: sign-out that a relying party asks for (OpenID Connect RP-Initiated
//! Logout 1.0).

use askama::Template;
use axum::{
    extract::{
        Query, State,
        rejection::{FormRejection, QueryRejection},
    },
    http::{HeaderMap, StatusCode, Uri},
    response::{Redirect, Response},
};
use holdfast_client::{LogoutExamination, LogoutRequest};
use serde::Deserialize;
use url::form_urlencoded;

use crate::{
    http::{
        extract::{
            client::BrowserInfo,
            form::{PlainForm, SentForm},
            peer::PeerAddress,
        },
        oauth::paths,
        pages::{
            authorize::{by_query, failed},
            error::ErrorPage,
            logout::{end, may_sign_out, with_site_data_cleared},
            relying_party_response::{self, Delivery},
            render::page,
        },
        state::AppState,
    },
    request::cookies,
    service_error::ServiceError,
    session::{
        authenticator::{AuthenticatedSession, SessionError},
        session_request::SessionRequest,
    },
};

#[derive(Template)]
#[template(path = "confirm_sign_out.html")]
struct ConfirmPage<'a> {
    csrf_token: String,
    username: &'a str,
    client_name: Option<&'a str>,
    action: &'static str,
    parameters: &'a LogoutParameters,
}

#[derive(Template)]
#[template(path = "signed_out.html")]
struct SignedOutPage {}

/// The parameters (RP-Initiated Logout 1.0 §2). Others are ignored, and none is repeated.
#[derive(Deserialize)]
pub(in crate::http) struct LogoutParameters {
    #[serde(default)]
    id_token_hint: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    post_logout_redirect_uri: String,
    #[serde(default)]
    state: String,
}

/// What is known of a sign-out: the session that it ends, and whether its owner has to be asked.
struct SignOut {
    session: Option<AuthenticatedSession>,
    examination: LogoutExamination,
}

/// Signs out, if the ID token shows that the relying party speaks of this login; otherwise asks the person.
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    parameters: Result<Query<LogoutParameters>, QueryRejection>,
    PeerAddress(peer): PeerAddress,
    BrowserInfo(client): BrowserInfo,
    headers: HeaderMap,
) -> Result<Response, ErrorPage> {
    let Query(parameters) =
        parameters.map_err(|_| ErrorPage::authorization_invalid("a parameter is repeated"))?;
    let request = state.requests.read(&headers, peer);
    let sign_out = SignOut::examine(&state, &parameters, &request).await?;
    let SignOut {
        session,
        examination,
    } = sign_out;
    match session {
        Some(session) if !examination.is_confirmed => {
            Ok(parameters.ask(&state, &session, examination.client_name.as_deref()))
        }
        Some(session) => {
            end(&state, &session.id, &client)
                .await
                .map_err(ServiceError::from)?;
            let response = parameters.response(Delivery::Redirect)?;
            Ok(with_site_data_cleared(response, &state, &headers))
        }
        None => Ok(parameters.response(Delivery::Redirect)?),
    }
}

/// Redirects a form of a relying party to the same request by `GET`, which has the session cookie (`SameSite=Lax`).
pub(in crate::http) async fn show_by_form(
    form: Result<PlainForm, FormRejection>,
) -> Result<Redirect, ErrorPage> {
    by_query(paths::LOGOUT, form)
}

/// Signs out after the person has confirmed it.
pub(in crate::http) async fn confirm(
    State(state): State<AppState>,
    PeerAddress(peer): PeerAddress,
    BrowserInfo(client): BrowserInfo,
    headers: HeaderMap,
    uri: Uri,
    form: SentForm<LogoutParameters>,
) -> Result<Response, ErrorPage> {
    let id = cookies::session_id(&headers, state.cookie_names());
    if !may_sign_out(&state, &headers, id.as_ref(), &form).await? {
        let page = form.fields.address();
        return Err(ErrorPage::form_of_page_out_of_date(&uri, page));
    }
    let parameters = form.fields;
    let request = state.requests.read(&headers, peer);
    SignOut::examine(&state, &parameters, &request).await?;
    if let Some(id) = id {
        end(&state, &id, &client)
            .await
            .map_err(ServiceError::from)?;
    }
    let response = parameters.response(Delivery::Page)?;
    Ok(with_site_data_cleared(response, &state, &headers))
}

impl SignOut {
    /// A session needs no device proof to be ended, as at `/logout`.
    async fn examine(
        state: &AppState,
        parameters: &LogoutParameters,
        request: &impl SessionRequest,
    ) -> Result<Self, ErrorPage> {
        let session = match state.authenticator.open(request).await {
            Ok(session) => Some(session),
            Err(SessionError::Failed(error)) => return Err(error.into()),
            Err(_) => None,
        };
        let token = session
            .as_ref()
            .map(|session| &session.record.refresh_token);
        let examination = state
            .auth
            .examine_logout(&parameters.request(), token)
            .await;
        Ok(Self {
            examination: examination.map_err(failed)?,
            session,
        })
    }
}

impl LogoutParameters {
    fn request(&self) -> LogoutRequest<'_> {
        LogoutRequest {
            id_token_hint: &self.id_token_hint,
            client_id: &self.client_id,
            post_logout_redirect_uri: &self.post_logout_redirect_uri,
        }
    }

    /// The page that asks whether to sign out.
    fn ask(
        &self,
        state: &AppState,
        session: &AuthenticatedSession,
        client_name: Option<&str>,
    ) -> Response {
        let template = ConfirmPage {
            csrf_token: session.csrf_token(state.csrf_tokens()),
            username: &session.record.username,
            client_name,
            action: paths::LOGOUT_CONFIRM,
            parameters: self,
        };
        page(StatusCode::OK, &template)
    }

    /// The response after the sign-out, or where nobody is signed in: back to the relying party, or a page.
    fn response(&self, delivery: Delivery) -> Result<Response, ServiceError> {
        if self.post_logout_redirect_uri.is_empty() {
            return Ok(page(StatusCode::OK, &SignedOutPage {}));
        }
        let state = Some(self.state.as_str()).filter(|state| !state.is_empty());
        relying_party_response::return_to(&self.post_logout_redirect_uri, state, delivery)
    }

    /// The address of the request by `GET`.
    fn address(&self) -> String {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("id_token_hint", &self.id_token_hint),
                ("client_id", &self.client_id),
                ("post_logout_redirect_uri", &self.post_logout_redirect_uri),
                ("state", &self.state),
            ])
            .finish();
        format!("{}?{query}", paths::LOGOUT)
    }
}
