//! The use of a refresh token: when it is accepted, and which scopes it gives (RFC 6749 §6).

use std::time::Duration;

use time::OffsetDateTime;

use crate::{
    account::User,
    audit::{AuditKind, AuditSubject},
    authentication::Throttled,
    call_context::CallContext,
    login::{ClientKind, Generation, Login, RefreshTokenState},
    token::{
        IssueTokenError, Scopes, TokenService, rate_limits, rotation_outcome::RotationOutcome,
        scope::within, token_request::Exchange,
    },
};

/// Decides what the refresh token of generation `presented` leads to.
pub(super) fn refresh_outcome(
    login: &Login,
    presented: Generation,
    refresh_ttl: Duration,
    now: OffsetDateTime,
) -> RotationOutcome {
    let state = login.refresh_token_state(presented, now);
    match (login.kind, state) {
        // The refresh token of a browser does not rotate, so that only the current one exists.
        (ClientKind::Browser, RefreshTokenState::Current) => RotationOutcome::Keep,
        (ClientKind::Browser, _) | (_, RefreshTokenState::Reused) => RotationOutcome::Reused,
        _ if now >= login.refreshed_at + refresh_ttl => RotationOutcome::Expired,
        (ClientKind::Api, RefreshTokenState::Current) => RotationOutcome::Advance,
        (ClientKind::Api, RefreshTokenState::Repeated) => RotationOutcome::Repeat,
    }
}

/// The scopes of refreshed tokens: all that the login was granted, or those of them that were requested (RFC 6749 §6), as far as
/// the account may still have them.
pub(super) fn narrowed_scopes(
    requested: Scopes,
    login: &Login,
    user: &User,
) -> Result<Scopes, IssueTokenError> {
    let requested = if requested.is_empty() {
        login.scopes.clone()
    } else {
        requested
    };
    within(requested, &login.scopes)
        .and_then(|scopes| within(scopes, &Scopes::grantable(user)))
        .ok_or(IssueTokenError::InvalidScope)
}

impl TokenService {
    /// Counts a repeat of the previous refresh token. Two are answered; further ones are refused and do not end the login, since a
    /// program may send many requests at once.
    pub(super) async fn count_repeat(
        &self,
        exchange: &Exchange<'_>,
        login: &Login,
        user: &User,
    ) -> Result<(), IssueTokenError> {
        let counter = rate_limits::repeats(&*self.deps.keyed_hasher, login.sid, login.generation);
        let result = self.deps.counters.count(&[counter]).await;
        result.map_err(|throttled| {
            let subject = AuditSubject::login(user.id, login.sid);
            self.refresh_throttled(exchange.context, throttled, subject)
        })
    }

    /// Records the first refusal of a delay, and returns the error.
    pub(super) fn refresh_throttled(
        &self,
        context: &CallContext,
        throttled: Throttled,
        subject: AuditSubject,
    ) -> IssueTokenError {
        if throttled.is_first {
            let kind = AuditKind::RefreshThrottled;
            self.deps.audit.record(context, kind, subject);
        }
        throttled.into()
    }
}
