//! `GET /account/security` and `POST /account/factors/{id}/remove`: the factors of the account, and what happened to it.

use askama::Template;
use axum::{
    extract::{Path, Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Redirect, Response},
};
use holdfast_client::{AuthError, ErrorReason, FactorKind, FactorRecord, SecurityOverview};
use serde::Deserialize;

use crate::{
    http::{
        extract::{client::BrowserInfo, session::PageSessionWithToken},
        pages::{
            error::{self, ErrorPage},
            logins::plain_id,
            notices::{EventItem, Notices},
            reauthenticate::{ConfirmationForm, SensitiveOperation},
            render::{Moment, page},
            trusted_browsers::BrowserItem,
        },
        state::AppState,
    },
    request::local_path::LocalPath,
    service_error::ServiceError,
    session::authenticator::SessionWithToken,
};

/// The address of the page.
pub(super) const SECURITY: &str = "/account/security";

const NEEDED_FACTOR: &str = "The account must have a second factor, or has no password and must have two passkeys, or one and recovery codes. \
                             Set up another factor, or a password, first.";
const CHANGED_MEANWHILE: &str = "This took too long, or the account was changed at the same time, such as in another tab. Please begin again.";
const TOO_MANY_PASSKEYS: &str = "The account has twenty passkeys, the maximum. Remove one first.";
const PASSKEY_REJECTED: &str =
    "Your browser's answer was not accepted, so no passkey was added. Please begin again.";
const PASSKEYS_OFF: &str = "Passkeys are not used here.";
const NOT_ENROLLED: &str =
    "Recovery codes stand in for a second factor. Set up an authenticator app or a passkey first.";

#[derive(Template)]
#[template(path = "security.html")]
struct SecurityPage {
    csrf_token: String,
    password: Option<FactorItem>,
    /// Whether the account needs no password, or has none.
    is_password_optional: bool,
    totp: Option<FactorItem>,
    /// `None` where they are not used, and the account has none.
    passkeys: Option<Vec<FactorItem>>,
    codes_left: u32,
    is_required: bool,
    /// Whether the latest sign-in was by a recovery code.
    by_recovery_code: bool,
    browsers: Vec<BrowserItem>,
    next: Option<LocalPath>,
    notices: Notices,
    events: Vec<EventItem>,
}

impl SecurityPage {
    fn has_second_factor(&self) -> bool {
        let passkeys = self.passkeys.as_ref();
        self.totp.is_some() || passkeys.is_some_and(|keys| !keys.is_empty())
    }
}

/// A factor as the pages show it.
pub(super) struct FactorItem {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) since: Moment,
    pub(super) last_used: Option<Moment>,
}

impl From<FactorRecord> for FactorItem {
    fn from(factor: FactorRecord) -> Self {
        Self {
            id: factor.id,
            label: factor.label.unwrap_or_else(|| "Passkey".to_owned()),
            since: factor.created_at.into(),
            last_used: factor.last_used_at.map(Moment::from),
        }
    }
}

/// The query: the address that the sign-in was to lead to.
#[derive(Default, Deserialize)]
pub(in crate::http) struct NextQuery {
    #[serde(default)]
    next: String,
}

impl NextQuery {
    /// The address, if it is one of this site.
    pub(super) fn read(query: Result<Query<Self>, QueryRejection>) -> Option<LocalPath> {
        query.ok()?.0.next.parse().ok()
    }
}

/// Shows the factors.
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    PageSessionWithToken(caller): PageSessionWithToken,
    headers: HeaderMap,
    query: Result<Query<NextQuery>, QueryRejection>,
) -> Result<Response, ErrorPage> {
    let (auth, authorization) = (&state.auth, &caller.authorization);
    let (overview, browsers) = tokio::try_join!(
        auth.security_overview(authorization),
        auth.trusted_browsers(authorization)
    )
    .map_err(ServiceError::from)?;
    let SecurityOverview {
        factors,
        recovery_codes_left,
        second_factor_required,
        password_optional,
        passkeys_available,
        events,
        ..
    } = overview;
    let of = |kind: FactorKind| {
        let found = factors.iter().filter(move |factor| factor.kind == kind);
        found.cloned().map(FactorItem::from)
    };
    let passkeys: Vec<_> = of(FactorKind::Passkey).collect();
    let template = SecurityPage {
        csrf_token: caller.session.csrf_token(state.csrf_tokens()),
        notices: Notices::of((&state, &headers), &caller.session, &events, SECURITY),
        events: events.iter().filter_map(EventItem::of).collect(),
        password: of(FactorKind::Password).next(),
        is_password_optional: password_optional,
        totp: of(FactorKind::Totp).next(),
        passkeys: Some(passkeys).filter(|keys| passkeys_available || !keys.is_empty()),
        codes_left: recovery_codes_left,
        is_required: second_factor_required,
        by_recovery_code: caller
            .session
            .record
            .amr
            .iter()
            .any(|factor| factor == "rc"),
        browsers: browsers.into_iter().map(BrowserItem::from).collect(),
        next: NextQuery::read(query),
    };
    Ok(page(StatusCode::OK, &template))
}

/// Removes a second factor; the other logins of the account end.
pub(in crate::http) async fn remove(
    State(state): State<AppState>,
    PageSessionWithToken(caller): PageSessionWithToken,
    Path(id): Path<String>,
    BrowserInfo(client): BrowserInfo,
    form: ConfirmationForm,
) -> Result<Response, ErrorPage> {
    let action = format!("/account/factors/{}/remove", plain_id(&id)?);
    let operation = SensitiveOperation::on_factors(&state, &action, &client);
    let remove = async |caller: &SessionWithToken| {
        let authorization = &caller.authorization;
        let removed = state.auth.remove_factor(authorization, &id, &client).await;
        changed(removed, SECURITY)
    };
    Ok(operation.run(caller, &form, remove).await)
}

/// The response to a change of the account's factors: a redirect, or the page that says why nothing was changed.
///
/// # Errors
/// Any other error, also that a recent authentication is required.
pub(super) fn changed(result: Result<(), AuthError>, then: &str) -> Result<Response, AuthError> {
    match result {
        Ok(()) => Ok(Redirect::to(then).into_response()),
        Err(error) => not_changed(error),
    }
}

/// The page that says why nothing was changed.
///
/// # Errors
/// Any error that the person can do nothing about, and that a recent authentication is required.
pub(super) fn not_changed(error: AuthError) -> Result<Response, AuthError> {
    let AuthError::Refused(refusal) = &error else {
        return Err(error);
    };
    let text = match refusal.reason.contract() {
        Some(ErrorReason::FactorNotFound) => return Ok(error::no_such_page().into_response()),
        Some(ErrorReason::FactorRequired) => NEEDED_FACTOR,
        Some(ErrorReason::Conflict | ErrorReason::AttemptInvalid) => CHANGED_MEANWHILE,
        Some(ErrorReason::FactorLimitReached) => TOO_MANY_PASSKEYS,
        Some(ErrorReason::PasskeyRejected) => PASSKEY_REJECTED,
        Some(ErrorReason::PasskeysOff) => PASSKEYS_OFF,
        Some(ErrorReason::FactorNotEnrolled) => NOT_ENROLLED,
        _ => return Err(error),
    };
    Ok(ErrorPage::factor_not_changed(text).into_response())
}
