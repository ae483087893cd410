//! Rotation of refresh tokens, and what follows from reuse, which `login::refresh_token_state` detects (RFC 9700 §4.14.2).

use time::OffsetDateTime;

use crate::{
    error::StoreError,
    id::{Sid, UserId},
    login::{ClientKind, EndReason, Login, REPEAT_WINDOW, Rotation},
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
            client: &exchange.request.client,
            // A repeat of the previous generation may be answered within the window.
            tokens_until: (login.kind == ClientKind::Api)
                .then(|| now + REPEAT_WINDOW + self.policy.access_ttl),
        };
        if !self.advance(&content, &rotation).await? {
            return Ok(None);
        }
        let generation = login.generation.next();
        self.mint(content, generation).map(Some)
    }

    /// Performs the compare-and-set, which waits for the disk and is therefore limited. One that fails is refunded.
    async fn advance(
        &self,
        content: &TokenContent<'_>,
        rotation: &Rotation<'_>,
    ) -> Result<bool, IssueTokenError> {
        let (login, user) = (content.login, content.user);
        let (store, counters) = (&self.deps.store, &self.deps.counters);
        let counter = [rate_limits::refreshes(&*self.deps.keyed_hasher, login.sid)];
        let result = counters.count(&counter).await;
        result.map_err(|throttled| IssueTokenError::Throttled(throttled, user.id, login.sid))?;
        let from = (login.sid, login.generation);
        let has_advanced = store.advance(from, rotation, content.now).await?;
        if !has_advanced {
            counters.refund(&counter).await;
        }
        Ok(has_advanced)
    }

    /// Ends the login of a login ticket or refresh token that was reused.
    pub(super) async fn revoke_on_reuse(
        &self,
        user: UserId,
        sid: Sid,
        now: OffsetDateTime,
    ) -> Result<IssueTokenError, StoreError> {
        let store = &self.deps.store;
        store.end_login(sid, EndReason::Reused, now).await?;
        self.deps.revocations.catch_up().await;
        Ok(IssueTokenError::Reused(user, sid))
    }
}
