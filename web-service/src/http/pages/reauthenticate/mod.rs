//! Reauthentication before a sensitive operation (ASVS 7.5.3): forms in between that continue where the person was.

mod confirmation;
mod operation;
mod reauthentication;

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use holdfast_core::assurance_level::AssuranceLevel;
use serde::Deserialize;

pub(super) use self::{
    confirmation::ConfirmationForm,
    operation::SensitiveOperation,
    reauthentication::{Reauthenticated, Reauthentication, ReauthenticationError},
};
use crate::{
    http::{
        extract::{client::BrowserInfo, session::PageSessionWithToken},
        state::AppState,
    },
    request::local_path::LocalPath,
    session::authenticator::SessionWithToken,
};

/// The query of the page that only reauthenticates.
#[derive(Default, Deserialize)]
pub(in crate::http) struct ConfirmQuery {
    #[serde(default)]
    next: String,
    /// Present after a form of an application that was not passed on.
    unsent: Option<String>,
    /// The strength that an application requires.
    #[serde(default)]
    acr: String,
}

impl ConfirmQuery {
    /// A query that cannot be read is ignored.
    fn of(query: Result<Query<Self>, QueryRejection>) -> Self {
        query.map(|Query(query)| query).unwrap_or_default()
    }

    fn min_level(&self) -> Option<AssuranceLevel> {
        self.acr.parse().ok()
    }

    fn destination(&self) -> LocalPath {
        self.next.parse().unwrap_or_else(|_| LocalPath::dashboard())
    }
}

/// Shows the forms, for an application that requires a more recent or a stronger authentication.
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    PageSessionWithToken(caller): PageSessionWithToken,
    BrowserInfo(client): BrowserInfo,
    query: Result<Query<ConfirmQuery>, QueryRejection>,
) -> Response {
    let query = ConfirmQuery::of(query);
    let reauthentication = Reauthentication {
        min_level: query.min_level(),
        is_unsent: query.unsent.is_some(),
        ..Reauthentication::new(&state, &client)
    };
    reauthentication.ask(&caller, (StatusCode::OK, None)).await
}

/// Verifies what was presented, and redirects to the next address.
pub(in crate::http) async fn submit(
    State(state): State<AppState>,
    PageSessionWithToken(caller): PageSessionWithToken,
    BrowserInfo(client): BrowserInfo,
    query: Result<Query<ConfirmQuery>, QueryRejection>,
    form: ConfirmationForm,
) -> Response {
    let query = ConfirmQuery::of(query);
    let next = query.destination();
    let reauthentication = Reauthentication {
        min_level: query.min_level(),
        ..Reauthentication::new(&state, &client)
    };
    if form.is_empty() {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return reauthentication.ask(&caller, (status, None)).await;
    }
    let redirect = async |_: &SessionWithToken| Ok(Redirect::to(next.as_str()).into_response());
    SensitiveOperation(reauthentication)
        .run(caller, &form, redirect)
        .await
}
