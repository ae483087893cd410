//! The use of a refresh token: when it is accepted, and which scopes it gives (RFC 6749 §6).

use std::time::Duration;

use time::OffsetDateTime;

use crate::{
    account::User,
    audit::{AuditKind, AuditSubject},
    authentication::Throttled,
    call_context::CallContext,
    id::GrantId,
    login::{ClientKind, Generation, Grant, RefreshTokenState},
    observer::{RateLimited, RefreshOutcome},
    token::{
        IssueTokenError, Scope, Scopes, TokenService,
        exchange_outcome::ExchangeOutcome,
        mint::{IdTokenContent, TokenContent},
        scope::within,
        token_limits,
        token_request::{Exchange, IssuedTokens},
    },
};

/// Decides what a refresh token in this state leads to.
fn refresh_outcome(
    (holder, grant): (ClientKind, &Grant),
    state: RefreshTokenState,
    refresh_ttl: Duration,
    now: OffsetDateTime,
) -> ExchangeOutcome {
    match (holder, state) {
        // The refresh token of a browser does not rotate, so that only the current one exists.
        (ClientKind::Browser, RefreshTokenState::Current) => ExchangeOutcome::Keep,
        (ClientKind::Browser, _) | (_, RefreshTokenState::Reused) => ExchangeOutcome::Reused,
        _ if now >= grant.refreshed_at + refresh_ttl => ExchangeOutcome::Expired,
        (ClientKind::Api, RefreshTokenState::Current | RefreshTokenState::Later) => {
            ExchangeOutcome::Advance
        }
        (ClientKind::Api, RefreshTokenState::Repeated) => ExchangeOutcome::Repeat,
    }
}

impl Grant {
    /// The scopes of refreshed tokens: all of the grant, or those of them that were requested (RFC 6749 §6), as far as the account may
    /// still have them.
    pub(super) fn narrowed_scopes(
        &self,
        requested: Scopes,
        user: &User,
    ) -> Result<Scopes, IssueTokenError> {
        let requested = if requested.is_empty() {
            self.scopes.clone()
        } else {
            requested
        };
        within(requested, &self.scopes)
            .filter(|scopes| user.admin || !scopes.contains(&Scope::Admin))
            .ok_or(IssueTokenError::InvalidScope)
    }

    /// Requires that the OAuth client of the grant presents its refresh token (RFC 6749 §6).
    fn require_client(&self, exchange: &Exchange<'_>) -> Result<(), IssueTokenError> {
        match exchange.client {
            _ if !self.client_rules.may_refresh => Err(IssueTokenError::UnauthorizedClient),
            Some(client) if client.id != self.client => Err(IssueTokenError::UnauthorizedClient),
            None if self.client_rules.is_confidential => Err(IssueTokenError::InvalidClient),
            Some(_) | None => Ok(()),
        }
    }

    /// The next ID token. A `nonce` is of the authorization response only (OpenID Connect Core 1.0 §12.2).
    fn id_token(&self) -> Option<IdTokenContent<'_>> {
        let algorithm = self.client_rules.id_token_algorithm?;
        Some(IdTokenContent {
            algorithm,
            nonce: None,
        })
    }

    /// The audience of the next tokens.
    fn audience<'a>(&'a self, exchange: &Exchange<'a>) -> Result<&'a str, IssueTokenError> {
        match &self.audience {
            None => Ok(exchange.audience),
            Some(only) if exchange.request.audience.is_none() || exchange.audience == only => {
                Ok(only)
            }
            Some(_) => Err(IssueTokenError::InvalidAudience),
        }
    }
}

impl TokenService {
    /// Decides and performs the exchange of a refresh token for the current state of its grant; `None` if a concurrent rotation was
    /// faster.
    pub(super) async fn refresh(
        &self,
        exchange: &Exchange<'_>,
        id: GrantId,
        presented: Generation,
    ) -> Result<Option<IssuedTokens>, IssueTokenError> {
        let refreshed = self.refresh_grant(exchange, id, presented).await;
        self.deps.observer.refreshed(match &refreshed {
            Ok((_, None)) => RefreshOutcome::LostRace,
            Ok((ExchangeOutcome::Keep, Some(_))) => RefreshOutcome::Kept,
            Ok((ExchangeOutcome::Repeat, Some(_))) => RefreshOutcome::Repeated,
            Ok((_, Some(_))) => RefreshOutcome::Rotated,
            Err(IssueTokenError::Reused) => RefreshOutcome::Reused,
            Err(IssueTokenError::Fault(_)) => RefreshOutcome::Failed,
            Err(_) => RefreshOutcome::Refused,
        });
        refreshed.map(|(_, tokens)| tokens)
    }

    async fn refresh_grant(
        &self,
        exchange: &Exchange<'_>,
        id: GrantId,
        presented: Generation,
    ) -> Result<(ExchangeOutcome, Option<IssuedTokens>), IssueTokenError> {
        let (store, now) = (&self.deps.store, self.deps.clock.now());
        let found = store.grant(id).await?;
        let revocations = &self.deps.revocations;
        let found = found.filter(|(grant, login, _)| {
            login.is_live(now)
                && !grant.ended
                && !revocations.is_grant_revoked(login.sid, grant.id, &grant.client)
        });
        let (grant, login, user) = found.ok_or(IssueTokenError::LoginEnded)?;
        let holder = grant.holder(&login);
        exchange.require_web_service_for(holder)?;
        grant.require_client(exchange)?;
        let (bound_to, proved) = (grant.key.as_ref(), exchange.proved_key());
        let key =
            self.required_binding(holder, grant.client_rules.dpop_required, bound_to, proved)?;
        self.consume_proof(exchange).await?;
        let ttl = self.policy.refresh_ttl;
        let state = grant.refresh_token_state(presented, self.deps.revocations.last_outage(), now);
        let outcome = refresh_outcome((holder, &grant), state, ttl, now);
        let subject = || AuditSubject::grant(user.id, &grant);
        match outcome {
            ExchangeOutcome::Expired => return Err(IssueTokenError::Expired),
            ExchangeOutcome::Reused => {
                return Err(self.end_reused_grant(exchange, &grant, subject()).await?);
            }
            // A request that was in progress when a concurrent one rotated is no repeat of a lost answer.
            ExchangeOutcome::Repeat if exchange.is_first_attempt => {
                self.count_repeat(exchange, &grant, subject()).await?;
            }
            ExchangeOutcome::Advance | ExchangeOutcome::Keep | ExchangeOutcome::Repeat => {}
        }
        let scopes = grant.narrowed_scopes(exchange.request.scopes.clone(), &user)?;
        self.require_step_up(&scopes, (&login, &user), now)?;
        let content = TokenContent {
            login: &login,
            user: &user,
            grant: grant.id,
            client: &grant.client,
            sector: grant.client_rules.sector.as_ref(),
            audience: grant.audience(exchange)?,
            id_token: grant.id_token(),
            has_refresh_token: true,
            scopes,
            key,
            now,
        };
        if outcome == ExchangeOutcome::Advance {
            let rotated = self.rotate(exchange, (&grant, presented), content).await?;
            return Ok((outcome, rotated));
        }
        self.update_last_seen(&login, now).await?;
        let is_repeat = outcome == ExchangeOutcome::Repeat;
        if is_repeat && grant.was_refreshed_elsewhere(&exchange.context.client) {
            let kind = AuditKind::RefreshRepeatedElsewhere;
            self.deps.audit.record(exchange.context, kind, subject());
        }
        let tokens = self.mint(content, grant.generation)?;
        Ok((outcome, Some(tokens)))
    }

    /// Counts a repeat of the previous refresh token. Two are answered in a second; further ones are refused and do not end the login, since a
    /// program may send many requests at once.
    async fn count_repeat(
        &self,
        exchange: &Exchange<'_>,
        grant: &Grant,
        subject: AuditSubject,
    ) -> Result<(), IssueTokenError> {
        let counter = token_limits::repeats(&*self.deps.keyed_hasher, grant.id, grant.generation);
        let result = self
            .deps
            .count(RateLimited::RefreshRepeat, &[counter])
            .await;
        let result = result.map(drop);
        result.map_err(|throttled| self.refresh_throttled(exchange.context, throttled, subject))
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
