//! The exchange of a login ticket or refresh token for tokens: `IssueToken`.

use time::OffsetDateTime;

use crate::{
    account::User,
    audit::{AuditKind, AuditSubject},
    call_context::CallContext,
    error::StoreError,
    id::Sid,
    login::{ClientKind, Login},
    token::{
        HandleKind, IssueTokenError, RefreshHandle, Scope, TokenService,
        exchange_ticket::first_scopes,
        mint::TokenContent,
        refresh::narrowed_scopes,
        rotation_outcome::RotationOutcome,
        token_request::{AuthorizationGrant, Exchange, IssuedTokens, TokenRequest},
    },
};

impl TokenService {
    /// Exchanges a login ticket or refresh token for tokens. A rotation is one compare-and-set; if a concurrent request was faster,
    /// the login is read again and the request decided anew.
    pub async fn issue_token(
        &self,
        request: &TokenRequest,
        context: &CallContext,
    ) -> Result<IssuedTokens, IssueTokenError> {
        let audience = self.served_audience(request.audience.as_deref())?;
        let handle = self.decode_grant(&request.grant)?;
        let proof = match &request.proof {
            Some(proof) => Some(self.verify_dpop_proof(proof, handle.kind)?),
            None => None,
        };
        let exchange = Exchange {
            request,
            context,
            audience,
            handle,
            proof: proof.as_ref(),
        };
        let mut is_first_attempt = true;
        loop {
            if let Some(issued) = self.try_exchange(&exchange, is_first_attempt).await? {
                return Ok(issued);
            }
            is_first_attempt = false;
        }
    }

    /// Decides and performs the exchange for the current state of the login; `None` if a concurrent rotation was faster.
    async fn try_exchange(
        &self,
        exchange: &Exchange<'_>,
        is_first_attempt: bool,
    ) -> Result<Option<IssuedTokens>, IssueTokenError> {
        let now = self.deps.clock.now();
        let (handle, requested) = (exchange.handle, exchange.request.scopes.clone());
        let (login, user) = self.live_login(handle.sid, now).await?;
        let is_browser = exchange.context.client.kind == ClientKind::Browser;
        if login.kind == ClientKind::Browser && !is_browser {
            return Err(IssueTokenError::ServiceIdentityRequired);
        }
        let key = self.required_binding(&login, exchange.proof.map(|proof| &proof.key))?;
        if let (true, Some(proof)) = (is_first_attempt, exchange.proof) {
            self.dpop.consume(proof).await?;
        }
        let outcome = self.rotation_outcome(handle, &login, now);
        match outcome {
            RotationOutcome::Expired => return Err(IssueTokenError::Expired),
            RotationOutcome::Reused => {
                let subject = AuditSubject::login(user.id, login.sid);
                return Err(self.revoke_on_reuse(exchange, subject, now).await?);
            }
            // A request that was in progress when a concurrent one rotated is no repeat of a lost answer.
            RotationOutcome::Repeat if is_first_attempt => {
                self.count_repeat(exchange, &login, &user).await?;
            }
            RotationOutcome::Advance | RotationOutcome::Keep | RotationOutcome::Repeat => {}
        }
        let scopes = match (handle.kind, outcome) {
            (HandleKind::LoginTicket, RotationOutcome::Advance) => first_scopes(requested, &user)?,
            _ => narrowed_scopes(requested, &login, &user)?,
        };
        if scopes.contains(&Scope::Admin) {
            self.policy
                .require_recent_authentication(login.authenticated_at, now)?;
        }
        let content = TokenContent {
            login: &login,
            user: &user,
            audience: exchange.audience,
            scopes,
            key,
            now,
        };
        if outcome == RotationOutcome::Advance {
            return self.rotate(exchange, content).await;
        }
        self.update_last_seen(&login, now).await?;
        if outcome == RotationOutcome::Repeat
            && login.was_refreshed_elsewhere(&exchange.context.client)
        {
            let subject = AuditSubject::login(user.id, login.sid);
            let kind = AuditKind::RefreshRepeatedElsewhere;
            self.deps.audit.record(exchange.context, kind, subject);
        }
        self.mint(content, login.generation).map(Some)
    }

    /// Returns the requested audience in its normal form, or the default one.
    fn served_audience<'a>(&'a self, requested: Option<&str>) -> Result<&'a str, IssueTokenError> {
        let Some(requested) = requested else {
            return Ok(self.policy.default_audience());
        };
        let requested = self.policy.canonical_audience(requested);
        let mut served = self.policy.audiences.iter();
        served
            .find(|audience| *audience == requested)
            .map(String::as_str)
            .ok_or(IssueTokenError::InvalidAudience)
    }

    fn decode_grant(&self, grant: &AuthorizationGrant) -> Result<RefreshHandle, IssueTokenError> {
        let (kind, text) = match grant {
            AuthorizationGrant::LoginTicket(text) => (HandleKind::LoginTicket, text),
            AuthorizationGrant::RefreshToken(text) => (HandleKind::RefreshToken, text),
        };
        self.deps
            .refresh_tokens
            .decode(text)
            .filter(|handle| handle.kind == kind)
            .ok_or(IssueTokenError::Malformed)
    }

    async fn live_login(
        &self,
        sid: Sid,
        now: OffsetDateTime,
    ) -> Result<(Login, User), IssueTokenError> {
        let found = self.deps.store.login(sid).await?;
        found
            .filter(|(login, _)| login.is_live(now))
            .ok_or(IssueTokenError::LoginEnded)
    }

    async fn update_last_seen(&self, login: &Login, now: OffsetDateTime) -> Result<(), StoreError> {
        if login.is_last_seen_due(now) {
            self.deps.store.update_last_seen(login.sid, now).await?;
        }
        Ok(())
    }
}
