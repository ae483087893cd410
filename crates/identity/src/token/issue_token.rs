//! The exchange of a login ticket or refresh token for tokens: `IssueToken`.

use time::OffsetDateTime;

use crate::{
    account::User,
    authentication::{AssuranceLevel, StepUpRequired},
    call_context::CallContext,
    error::{Fault, StoreError},
    login::{ClientKind, Login},
    oauth::{DpopError, KeyThumbprint},
    observer::{TokenGrant, TokenOutcome},
    token::{
        IssueTokenError, RefreshHandle, Scope, Scopes, TokenService,
        token_request::{AuthorizationGrant, Exchange, IssuedTokens, TokenRequest},
    },
};

impl TokenService {
    /// Exchanges a login ticket or refresh token for tokens. The exchange is one compare-and-set; if a concurrent request was faster,
    /// the grant is read again and the request decided anew.
    pub async fn issue_token(
        &self,
        request: &TokenRequest,
        context: &CallContext,
    ) -> Result<IssuedTokens, IssueTokenError> {
        let issued = self.issue_by_grant(request, context).await;
        let grant = match &request.grant {
            AuthorizationGrant::LoginTicket(_) => TokenGrant::LoginTicket,
            AuthorizationGrant::RefreshToken(_) => TokenGrant::RefreshToken,
        };
        self.deps
            .observer
            .requested(grant, TokenOutcome::of(&issued));
        issued
    }

    async fn issue_by_grant(
        &self,
        request: &TokenRequest,
        context: &CallContext,
    ) -> Result<IssuedTokens, IssueTokenError> {
        let audience = self.served_audience(request.audience.as_deref())?;
        let handle = self.decode_grant(&request.grant)?;
        let proof = match &request.proof {
            Some(proof) => Some(self.verify_dpop_proof(proof, &handle)?),
            None => None,
        };
        // An assertion is used up by it.
        let client = match &request.client {
            Some(credentials) => Some(self.clients.authenticate(credentials, context).await?),
            None => None,
        };
        let mut exchange = Exchange {
            request,
            context,
            audience,
            client: client.as_ref(),
            proof: proof.as_ref(),
            is_first_attempt: true,
        };
        loop {
            let issued = match handle {
                RefreshHandle::LoginTicket(sid) => self.exchange_ticket(&exchange, sid).await,
                RefreshHandle::RefreshToken(grant, generation) => {
                    self.refresh(&exchange, grant, generation).await
                }
            };
            if let Err(IssueTokenError::Fault(Fault::StoreUnavailable(_))) = &issued {
                // The client repeats the request later, and the exchange may have been made.
                self.deps.revocations.record_store_failure();
            }
            if let Some(issued) = issued? {
                return Ok(issued);
            }
            exchange.is_first_attempt = false;
        }
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
        let text = match grant {
            AuthorizationGrant::LoginTicket(text) | AuthorizationGrant::RefreshToken(text) => text,
        };
        let handle = self.deps.refresh_tokens.decode(text);
        let is_of_kind = |handle: &RefreshHandle| {
            matches!(
                (grant, handle),
                (
                    AuthorizationGrant::LoginTicket(_),
                    RefreshHandle::LoginTicket(_)
                ) | (
                    AuthorizationGrant::RefreshToken(_),
                    RefreshHandle::RefreshToken(..)
                )
            )
        };
        handle.filter(is_of_kind).ok_or(IssueTokenError::Malformed)
    }

    /// Uses the DPoP proof up, at the first attempt.
    pub(super) async fn consume_proof(&self, exchange: &Exchange<'_>) -> Result<(), DpopError> {
        match exchange.proof {
            Some(proof) if exchange.is_first_attempt => self.dpop.consume(proof).await,
            _ => Ok(()),
        }
    }

    /// Requires a recent authentication for the scope `admin`.
    pub(super) fn require_step_up(
        &self,
        scopes: &Scopes,
        (login, user): (&Login, &User),
        now: OffsetDateTime,
    ) -> Result<(), IssueTokenError> {
        if !scopes.contains(&Scope::Admin) {
            return Ok(());
        }
        self.policy
            .require_recent_authentication(login.authenticated_at, now)?;
        let is_strong = login.factors.level() >= Some(AssuranceLevel::Aal2);
        // A login may be older than the requirement.
        if self.policy.second_factor.requires(user) && !is_strong {
            return Err(StepUpRequired.into());
        }
        Ok(())
    }

    pub(super) async fn update_last_seen(
        &self,
        login: &Login,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        if login.is_last_seen_due(now) {
            self.deps.store.update_last_seen(login.sid, now).await?;
        }
        Ok(())
    }
}

impl<'a> Exchange<'a> {
    /// The key that the DPoP proof proves.
    pub(super) fn proved_key(&self) -> Option<&'a KeyThumbprint> {
        self.proof.map(|proof| &proof.key)
    }

    /// Requires that tokens which web-service keeps are requested by it for its own use.
    pub(super) fn require_web_service_for(
        &self,
        holder: ClientKind,
    ) -> Result<(), IssueTokenError> {
        let context = self.context;
        let is_own_use = context.from_web_service && context.client.kind == ClientKind::Browser;
        if holder == ClientKind::Browser && !is_own_use {
            return Err(IssueTokenError::ServiceIdentityRequired);
        }
        Ok(())
    }
}
