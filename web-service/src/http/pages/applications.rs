//! `GET /account/applications` and `POST /account/applications/{client_id}/end`: the applications that the account's owner has signed in to.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use holdfast_client::{Application, ErrorReason};

use crate::{
    http::{
        extract::{client::BrowserInfo, session::PageSessionWithToken},
        pages::{
            error::{self, ErrorPage},
            reauthenticate::{ConfirmationForm, SensitiveOperation},
            render::{Moment, page},
            scope_text::ScopeText,
        },
        state::AppState,
    },
    request::next_query::encoded,
    service_error::ServiceError,
    session::authenticator::SessionWithToken,
};

/// The address of the page.
const APPLICATIONS: &str = "/account/applications";

#[derive(Template)]
#[template(path = "applications.html")]
struct ApplicationsPage {
    csrf_token: String,
    applications: Vec<ApplicationItem>,
}

/// An application as the page shows it.
struct ApplicationItem {
    /// Where its end is sent.
    end: String,
    name: String,
    scopes: Vec<ScopeText>,
    since: Moment,
    last_used: Moment,
}

impl From<Application> for ApplicationItem {
    fn from(application: Application) -> Self {
        Self {
            scopes: ScopeText::of_list(&application.scope),
            end: address_of_end(&application.client_id),
            name: application.name,
            since: application.granted_at.into(),
            last_used: application.last_used_at.into(),
        }
    }
}

/// Lists the applications, the latest used first.
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    PageSessionWithToken(caller): PageSessionWithToken,
) -> Result<Response, ErrorPage> {
    let applications = state.auth.applications(&caller.authorization).await;
    let applications = applications.map_err(ServiceError::from)?.into_iter();
    let template = ApplicationsPage {
        csrf_token: caller.session.csrf_token(state.csrf_tokens()),
        applications: applications.map(ApplicationItem::from).collect(),
    };
    Ok(page(StatusCode::OK, &template))
}

/// Ends what an application has access to.
pub(in crate::http) async fn end(
    State(state): State<AppState>,
    PageSessionWithToken(caller): PageSessionWithToken,
    Path(client_id): Path<String>,
    BrowserInfo(client): BrowserInfo,
    form: ConfirmationForm,
) -> Result<Response, ErrorPage> {
    // A text that is no `client_id` names no application, and is not repeated in a form.
    if !is_client_id(&client_id) {
        return Err(error::no_such_page());
    }
    let action = address_of_end(&client_id);
    let operation = SensitiveOperation::of(&state, &action, &client);
    let end = async |caller: &SessionWithToken| {
        let authorization = &caller.authorization;
        let ended = state
            .auth
            .end_application(authorization, &client_id, &client);
        match ended.await {
            Err(error) if error.is_refused_as(ErrorReason::ApplicationNotFound) => {
                Ok(error::no_such_page().into_response())
            }
            Err(error) => Err(error),
            Ok(()) => Ok(Redirect::to(APPLICATIONS).into_response()),
        }
    };
    Ok(operation.run(caller, &form, end).await)
}

fn is_client_id(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A `client_id` can be a URL, which is one segment of the path.
fn address_of_end(client_id: &str) -> String {
    format!("{APPLICATIONS}/{}/end", encoded(client_id))
}
