//! Rotation of refresh tokens, and what follows from reuse, which `login::refresh_token_state` detects (RFC 9700 §4.14.2).

use time::OffsetDateTime;

use crate::{
    audit::{AuditKind, AuditSubject},
    error::StoreError,
    id::Sid,
    login::{EndReason, Generation, Grant, REPEAT_WINDOW, Rotation},
    observer::RateLimited,
    token::{
        IssueTokenError, TokenService,
        mint::TokenContent,
        token_limits,
        token_request::{Exchange, IssuedTokens},
    },
};

impl TokenService {
    /// Advances a grant to the generation after the one that was presented, and issues the tokens of that; `None` if a concurrent request was
    /// faster. The compare-and-set waits for the disk and is therefore limited. One that fails is refunded.
    pub(super) async fn rotate(
        &self,
        exchange: &Exchange<'_>,
        (grant, presented): (&Grant, Generation),
        content: TokenContent<'_>,
    ) -> Result<Option<IssuedTokens>, IssueTokenError> {
        let (call, now) = (exchange.context, content.now);
        let (store, counters, audit) = (&self.deps.store, &self.deps.counters, &self.deps.audit);
        let subject = AuditSubject::grant(content.user.id, grant);
        let counter = [token_limits::refreshes(&*self.deps.keyed_hasher, grant.id)];
        let result = self.deps.count(RateLimited::Refresh, &counter).await;
        let counted_in =
            result.map_err(|throttled| self.refresh_throttled(call, throttled, subject.clone()))?;
        let events = [audit.event(call, AuditKind::Refreshed, subject)];
        let rotation = Rotation {
            to: presented.next(),
            client: &call.client,
            tokens_until: self.tokens_until(now),
        };
        let from = (grant.id, grant.generation);
        let has_advanced = store.advance(from, &rotation, now, &events).await?;
        audit.committed(has_advanced, &events);
        if !has_advanced {
            counters.refund(&counter, counted_in).await;
            return Ok(None);
        }
        self.mint(content, rotation.to).map(Some)
    }

    /// Time by which the access tokens that are issued now have expired; see [`Rotation::tokens_until`].
    pub(super) fn tokens_until(&self, now: OffsetDateTime) -> OffsetDateTime {
        // A repeat of the previous generation may be answered within the window.
        now + REPEAT_WINDOW + self.policy.access_ttl
    }

    /// Ends the grant of a refresh token that was reused, and with the grant that a login began with, the login. Of any other, only the OAuth
    /// client has the tokens, and it must not be able to sign the person out elsewhere.
    pub(super) async fn end_reused_grant(
        &self,
        exchange: &Exchange<'_>,
        grant: &Grant,
        subject: AuditSubject,
    ) -> Result<IssueTokenError, StoreError> {
        let Some(user) = subject.user.filter(|_| !grant.is_first()) else {
            return self.revoke_on_reuse(exchange, grant.sid, subject).await;
        };
        let (context, kind) = (exchange.context, AuditKind::RefreshReused);
        self.deps.audit.record(context, kind, subject);
        self.deps
            .end_grant(user, grant, EndReason::Reused, context)
            .await?;
        Ok(IssueTokenError::Reused)
    }

    /// Ends the login of a login ticket, or of the refresh token of its first grant, that was reused.
    pub(super) async fn revoke_on_reuse(
        &self,
        exchange: &Exchange<'_>,
        sid: Sid,
        subject: AuditSubject,
    ) -> Result<IssueTokenError, StoreError> {
        let (context, kind) = (exchange.context, AuditKind::RefreshReused);
        let event = self.deps.audit.event(context, kind, subject);
        self.deps.end_login(sid, EndReason::Reused, event).await?;
        Ok(IssueTokenError::Reused)
    }
}
