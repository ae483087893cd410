//! Notices of security events, on the pages of the account: "A passkey was added". `POST /account/notices/dismiss` acknowledges them.
//!
//! What was acknowledged is kept in a cookie of the browser, so that a page that reads no events costs nothing, and nobody can dismiss a notice for
//! another browser. Without it, as in a new browser, the events of the last 30 days are shown.

use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse as _, Redirect, Response},
};
use holdfast_client::SecurityEvent;
use serde::Deserialize;
use time::OffsetDateTime;

use crate::{
    http::{
        extract::{
            form::{CsrfForm, ToSession},
            session::PageSession,
        },
        pages::render::Moment,
        set_cookie::{self, with_cookie},
        state::AppState,
    },
    request::{cookies, local_path::LocalPath},
    session::{
        authenticator::AuthenticatedSession,
        codec::acknowledgement::{millis, time},
        user_agent::describe,
    },
};

/// Whose use is a notice at the next sign-in in the same browser, too.
const RECOVERY_CODE_USED: &str = "RECOVERY_CODE_USED";

/// A security event as the pages show it.
pub(super) struct EventItem {
    /// What happened.
    pub(super) text: &'static str,
    /// Where from, or by whom.
    pub(super) source: String,
    /// When.
    pub(super) at: Moment,
}

impl EventItem {
    /// `None` for a kind that this version does not have.
    pub(super) fn of(event: &SecurityEvent) -> Option<Self> {
        let source = if event.is_by_administrator {
            "an administrator".to_owned()
        } else {
            describe(event.user_agent.as_deref())
        };
        Some(Self {
            text: text(&event.kind)?,
            source,
            at: event.at.into(),
        })
    }
}

fn text(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "PASSWORD_CHANGED" => "The password was changed",
        "PASSWORD_SET" => "A new password was set",
        "PASSWORD_ADDED" => "A password was set, for the sign-in without a passkey",
        "PASSWORD_REMOVED" => "The password was removed",
        "PASSKEY_ADDED" => "A passkey was added",
        "PASSKEY_REMOVED" => "A passkey was removed",
        "TOTP_ADDED" => "An authenticator app was set up",
        "TOTP_REMOVED" => "The authenticator app was removed",
        "RECOVERY_CODES_CREATED" => "New recovery codes were made",
        RECOVERY_CODE_USED => "A recovery code was used",
        "FACTORS_RESET" => "All second factors were removed",
        "BROWSER_TRUSTED" => "A browser was trusted, where the second factor is not asked for",
        "OTHER_LOGINS_ENDED" => "All other sign-ins were ended",
        "ALL_LOGINS_ENDED" => "All sign-ins were ended",
        "REFRESH_REUSED" => {
            "A sign-in was ended, as its token was used twice and may have been copied"
        }
        "PASSKEY_COUNTER_WENT_BACK" => "A passkey was refused, as it may have been copied",
        "THEFT_SUSPECTED" => "The cookie of a sign-in was used elsewhere, and may have been stolen",
        _ => return None,
    })
}

/// The notices of a page: the events that other logins of the account caused and that were not acknowledged in this browser.
pub(super) struct Notices {
    /// The events, the newest first.
    pub(super) items: Vec<EventItem>,
    /// The time of the latest event, in milliseconds since 1970: what a dismissal acknowledges.
    pub(super) until: i64,
    /// The page, to which a dismissal leads back.
    pub(super) page: &'static str,
    /// Whether events are left for which there is no notice here, but will be after the next sign-in.
    has_later: bool,
    /// Whether there are events that were not acknowledged.
    has_new: bool,
}

impl Notices {
    /// No notices, on a page that reads no events.
    pub(super) const fn none(page: &'static str) -> Self {
        Self {
            items: Vec::new(),
            until: 0,
            page,
            has_later: false,
            has_new: false,
        }
    }

    /// The notices for the session of a request with these headers.
    pub(super) fn of(
        (state, headers): (&AppState, &HeaderMap),
        session: &AuthenticatedSession,
        events: &[SecurityEvent],
        page: &'static str,
    ) -> Self {
        let cookie = cookies::notices(headers, state.cookie_names());
        let user_id = &session.record.user_id;
        let seen = cookie.and_then(|value| state.acknowledgements.open(user_id, value));
        let seen = seen.map_or(i64::MIN, millis);
        let new: Vec<_> = events.iter().filter(|one| millis(one.at) > seen).collect();
        let foreign = new.iter().filter(|event| !event.is_own);
        Self {
            items: foreign.filter_map(|event| EventItem::of(event)).collect(),
            until: new
                .iter()
                .map(|event| millis(event.at))
                .max()
                .unwrap_or(seen),
            page,
            has_later: new.iter().any(|one| one.kind == RECOVERY_CODE_USED),
            has_new: !new.is_empty(),
        }
    }

    /// The response with the cookie that acknowledges the events of the session itself, where there are no others.
    pub(super) fn with_own_acknowledged(
        &self,
        response: Response,
        state: &AppState,
        session: &AuthenticatedSession,
    ) -> Response {
        let is_own_alone = self.has_new && self.items.is_empty() && !self.has_later;
        match time(self.until).filter(|_| is_own_alone) {
            Some(until) => with_acknowledgement(response, state, (session, until)),
            None => response,
        }
    }
}

/// The response with the cookie that acknowledges the events of the session's account up to a time.
pub(super) fn with_acknowledgement(
    response: Response,
    state: &AppState,
    (session, until): (&AuthenticatedSession, OffsetDateTime),
) -> Response {
    let value = state.acknowledgements.seal(&session.record.user_id, until);
    with_cookie(
        response,
        set_cookie::set_notices(state.cookie_names(), &value),
    )
}

/// The form: up to which event the person has read, and the page to go back to.
#[derive(Deserialize)]
pub(in crate::http) struct DismissForm {
    /// In milliseconds since 1970.
    #[serde(default)]
    until: String,
    #[serde(default)]
    next: String,
}

/// Dismisses the notices in this browser.
pub(in crate::http) async fn dismiss(
    State(state): State<AppState>,
    PageSession(session): PageSession,
    form: CsrfForm<DismissForm, ToSession>,
) -> Response {
    let DismissForm { until, next } = form.fields;
    let next = next.parse().unwrap_or_else(|_| LocalPath::dashboard());
    let response = Redirect::to(next.as_str()).into_response();
    match until.parse().ok().and_then(time) {
        Some(until) => with_acknowledgement(response, &state, (&session, until)),
        None => response,
    }
}

#[cfg(test)]
mod tests {
    use holdfast_identity::audit::AuditKind;

    use super::*;

    #[test]
    fn each_security_event_has_a_text() {
        for kind in AuditKind::SECURITY_EVENTS {
            assert!(text(kind.as_str()).is_some(), "{kind:?}");
        }
        assert_eq!(text("SIGNED_IN"), None);
    }
}
