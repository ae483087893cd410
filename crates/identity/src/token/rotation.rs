//! Rotation of refresh tokens, and what follows from reuse, which `login::refresh_token_state` detects (RFC 9700 §4.14.2).

use time::OffsetDateTime;

use crate::{
    audit::{AuditKind, AuditSubject},
    error::StoreError,
    login::{ClientKind, EndReason, Generation, Login, REPEAT_WINDOW, Rotation},
    token::{
        HandleKind, IssueTokenError, RefreshHandle, TokenService,
        exchange_ticket::ticket_outcome,
        mint::TokenContent,
        rate_limits,
        refresh::refresh_outcome,
        rotation_outcome::RotationOutcome,
        token_request::{Exchange, IssuedTokens},
    },
};

impl TokenService {
    /// Decides what a login ticket or refresh token leads to.
    pub(super) fn rotation_outcome(
        &self,
        handle: RefreshHandle,
        login: &Login,
        now: OffsetDateTime,
    ) -> RotationOutcome {
        match handle.kind {
            HandleKind::LoginTicket => ticket_outcome(login, now),
            HandleKind::RefreshToken => {
                refresh_outcome(login, handle.generation, self.policy.refresh_ttl, now)
            }
        }
    }

    /// Advances the login to its next generation and issues the tokens of that; `None` if a concurrent request was faster.
    pub(super) async fn rotate(
        &self,
        exchange: &Exchange<'_>,
        content: TokenContent<'_>,
    ) -> Result<Option<IssuedTokens>, IssueTokenError> {
        let (login, now) = (content.login, content.now);
        // A login is bound with its first tokens or never. Otherwise a thief could bind it to another key, and a refresh token of its
        // owner would be refused before its reuse is detected.
        let (scopes, key) = match exchange.handle.kind {
            HandleKind::LoginTicket => (&content.scopes, content.key),
            HandleKind::RefreshToken => (&login.scopes, None),
        };
        let rotation = Rotation {
            scopes,
            key,
            client: &exchange.context.client,
            // A repeat of the previous generation may be answered within the window.
            tokens_until: (login.kind == ClientKind::Api)
                .then(|| now + REPEAT_WINDOW + self.policy.access_ttl),
        };
        if !self.advance(exchange, &content, &rotation).await? {
            return Ok(None);
        }
        let generation = login.generation.next();
        self.mint(content, generation).map(Some)
    }

    /// Performs the compare-and-set, which waits for the disk and is therefore limited. One that fails is refunded.
    async fn advance(
        &self,
        exchange: &Exchange<'_>,
        content: &TokenContent<'_>,
        rotation: &Rotation<'_>,
    ) -> Result<bool, IssueTokenError> {
        let (login, context) = (content.login, exchange.context);
        let subject = AuditSubject::login(content.user.id, login.sid);
        let (store, counters) = (&self.deps.store, &self.deps.counters);
        let counter = [rate_limits::refreshes(&*self.deps.keyed_hasher, login.sid)];
        let result = counters.count(&counter).await;
        result.map_err(|throttled| self.refresh_throttled(context, throttled, subject.clone()))?;
        let audit = &self.deps.audit;
        // The exchange of a login ticket is part of the sign-in.
        let is_refresh = login.generation != Generation::TICKET;
        let event = || audit.event(context, AuditKind::Refreshed, subject);
        let events: Vec<_> = is_refresh.then(event).into_iter().collect();
        let from = (login.sid, login.generation);
        let has_advanced = store.advance(from, rotation, content.now, &events).await?;
        audit.committed(has_advanced, &events);
        if !has_advanced {
            counters.refund(&counter).await;
        }
        Ok(has_advanced)
    }

    /// Ends the login of a login ticket or refresh token that was reused.
    pub(super) async fn revoke_on_reuse(
        &self,
        exchange: &Exchange<'_>,
        subject: AuditSubject,
        now: OffsetDateTime,
    ) -> Result<IssueTokenError, StoreError> {
        let (store, audit, sid) = (&self.deps.store, &self.deps.audit, exchange.handle.sid);
        let events = [audit.event(exchange.context, AuditKind::RefreshReused, subject)];
        let ended = store
            .end_login(sid, EndReason::Reused, now, &events)
            .await?;
        audit.committed(ended, &events);
        self.deps.revocations.catch_up().await;
        Ok(IssueTokenError::Reused)
    }
}
