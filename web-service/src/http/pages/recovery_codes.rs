//! `GET`, `POST /account/recovery-codes`: new recovery codes, which are shown once.

use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use secrecy::ExposeSecret as _;

use crate::{
    http::{
        extract::{client::BrowserInfo, session::PageSessionWithToken},
        pages::{
            error::ErrorPage,
            notices::Notices,
            reauthenticate::{ConfirmationForm, SensitiveOperation},
            render::page,
            security::{NextQuery, not_changed},
        },
        state::AppState,
    },
    request::{local_path::LocalPath, next_query},
    service_error::ServiceError,
    session::authenticator::SessionWithToken,
};

const RECOVERY_CODES: &str = "/account/recovery-codes";

#[derive(Template)]
#[template(path = "recovery_codes.html")]
struct RecoveryCodesPage {
    csrf_token: String,
    username: String,
    codes_left: u32,
    /// The new codes; empty where there are none to show.
    codes: Vec<String>,
    /// The address that the form is sent to.
    action: String,
    next: Option<LocalPath>,
    notices: Notices,
}

/// Shows how many codes are left, and the button for new ones.
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    PageSessionWithToken(caller): PageSessionWithToken,
    headers: HeaderMap,
    query: Result<Query<NextQuery>, QueryRejection>,
) -> Result<Response, ErrorPage> {
    let overview = state.auth.security_overview(&caller.authorization).await;
    let overview = overview.map_err(ServiceError::from)?;
    let next = NextQuery::read(query);
    let session = &caller.session;
    let events = &overview.events;
    let template = RecoveryCodesPage {
        csrf_token: session.csrf_token(state.csrf_tokens()),
        notices: Notices::of((&state, &headers), session, events, RECOVERY_CODES),
        username: caller.session.record.username.clone(),
        codes_left: overview.recovery_codes_left,
        codes: Vec::new(),
        action: action(next.as_ref()),
        next,
    };
    Ok(page(StatusCode::OK, &template))
}

/// Creates new codes in place of those from before, and shows them. No other response contains them.
pub(in crate::http) async fn create(
    State(state): State<AppState>,
    PageSessionWithToken(caller): PageSessionWithToken,
    BrowserInfo(client): BrowserInfo,
    query: Result<Query<NextQuery>, QueryRejection>,
    form: ConfirmationForm,
) -> Response {
    let next = NextQuery::read(query);
    let action = action(next.as_ref());
    let operation = SensitiveOperation::on_factors(&state, &action, &client);
    let create = async |caller: &SessionWithToken| {
        let authorization = &caller.authorization;
        let codes = match state
            .auth
            .create_recovery_codes(authorization, &client)
            .await
        {
            Ok(codes) => codes,
            Err(error) => return not_changed(error),
        };
        let codes: Vec<_> = codes
            .iter()
            .map(|code| code.expose_secret().to_owned())
            .collect();
        let template = RecoveryCodesPage {
            csrf_token: caller.session.csrf_token(state.csrf_tokens()),
            username: caller.session.record.username.clone(),
            codes_left: u32::try_from(codes.len()).unwrap_or(u32::MAX),
            codes,
            action: action.clone(),
            next: next.clone(),
            notices: Notices::none(RECOVERY_CODES),
        };
        Ok(page(StatusCode::OK, &template))
    };
    operation.run(caller, &form, create).await
}

fn action(next: Option<&LocalPath>) -> String {
    next_query::page_with(RECOVERY_CODES, next.map(LocalPath::as_str), false)
}
