//! Revocation of tokens and of their logins (RFC 7009): `RevokeToken`.

use std::{sync::Arc, time::Duration};

use holdfast_core::replay_cache::ReplayCacheError;

use crate::{
    audit::{AuditKind, AuditSubject},
    authentication::Throttled,
    call_context::CallContext,
    error::{Fault, StoreError, fault_from},
    id::{GrantId, Sid, UserId},
    leeway::LEEWAY,
    login::{ClientKind, EndReason, Grant},
    oauth::{
        ClientId, DpopError, KeyThumbprint, OauthClient, PresentedProof, ProofRequirements,
        VerifiedProof,
    },
    revocation::RevocationStatus,
    token::{
        Claims, Consistency, ExpectedClaims, RefreshHandle, Scope, TokenService,
        ValidateTokenError, rate_limits,
    },
};

/// Maximum lifetime of access tokens that can be configured.
const MAX_ACCESS_TTL: Duration = Duration::from_hours(24);

/// A request to revoke a token.
#[derive(Clone, Copy, Debug)]
pub struct RevocationRequest<'a> {
    /// An access token, a refresh token or a login ticket.
    pub token: &'a str,
    /// A DPoP proof of the key that the token is bound to.
    pub proof: Option<&'a PresentedProof>,
    /// Whether the OAuth client that the token was issued to authenticated itself, so that no DPoP proof is needed.
    pub by_own_client: bool,
}

/// Why a revocation is refused.
#[derive(Debug, thiserror::Error)]
pub enum RevokeTokenError {
    /// The OAuth client that the refresh token was issued to is confidential, and did not authenticate itself (RFC 7009 §2.1).
    #[error("the client is unknown, or its authentication is invalid")]
    InvalidClient,
    /// The access token lacks the scope `account`, which ending its login requires.
    #[error("the access token lacks a required scope")]
    InsufficientScope,
    /// The token is bound to a key, and the DPoP proof of that is missing or not valid.
    #[error(transparent)]
    Dpop(#[from] DpopError),
    /// Too many single access tokens of the login or OAuth client were revoked.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// The service failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

fault_from!(RevokeTokenError: StoreError, ReplayCacheError);

impl TokenService {
    /// Revokes one access token, or ends the login of a login ticket or the grant of a refresh token. For a text that is no token, and
    /// for a token that is expired or revoked, nothing is written. A bound token requires a DPoP proof.
    pub async fn revoke_token(
        &self,
        request: RevocationRequest<'_>,
        context: &CallContext,
    ) -> Result<(), RevokeTokenError> {
        if let Some(handle) = self.deps.refresh_tokens.decode(request.token) {
            return self.end_by_handle(handle, request, context).await;
        }
        match self.deps.access_tokens.verify(request.token) {
            Ok(claims) => self.revoke_access_token(&claims, request, context).await,
            Err(_) => Ok(()),
        }
    }

    /// Ends the login that a token belongs to. An access token must have the scope `account`, so that an API which received it cannot
    /// sign the account's owner out. Through web-service any access token of a program's own login is accepted, also an expired
    /// one, since the program may have no other. Without that scope, a token of a grant that the login did not begin with ends that
    /// grant.
    pub async fn end_login_of(
        &self,
        request: RevocationRequest<'_>,
        context: &CallContext,
    ) -> Result<(), RevokeTokenError> {
        if let Some(handle) = self.deps.refresh_tokens.decode(request.token) {
            return self.end_by_handle(handle, request, context).await;
        }
        let claims = match self.claims_for_sign_out(request.token).await {
            Ok(claims) => claims,
            Err(ValidateTokenError::Fault(fault)) => return Err(fault.into()),
            Err(_) => return Ok(()),
        };
        let Some(person) = &claims.person else {
            return self.revoke_access_token(&claims, request, context).await;
        };
        let from_web_service = context.from_web_service;
        // Web-service has verified a token that has not expired, with its proof.
        let is_verified = from_web_service && !self.has_expired(&claims);
        let key = claims.key.as_ref().filter(|_| !is_verified);
        let proof = self.required_proof(key, request)?;
        let found = self.deps.store.grant(person.grant).await?;
        // Of an expired token the entry in the revocation log may have been deleted; the rows have not.
        let found = found.filter(|(grant, login, _)| !grant.ended && !login.ended);
        let Some((grant, login, _)) = found else {
            return Ok(());
        };
        let has_account = claims.scopes.contains(&Scope::Account);
        let is_delegated = from_web_service && login.kind == ClientKind::Api;
        if !has_account && !is_delegated {
            return Err(RevokeTokenError::InsufficientScope);
        }
        self.consume_if_any(proof).await?;
        if has_account || grant.is_first() {
            self.end_login((person.subject, person.sid), context).await
        } else {
            self.end_grant(&grant, person.subject, context).await
        }
    }

    /// Returns the claims of an access token that is valid, or was until it expired.
    async fn claims_for_sign_out(&self, token: &str) -> Result<Arc<Claims>, ValidateTokenError> {
        let claims = self.deps.access_tokens.verify(token)?;
        let now = self.deps.clock.now();
        // A shorter lifetime may have been configured since the token was issued.
        let expected = ExpectedClaims {
            max_lifetime: MAX_ACCESS_TTL,
            ..self.expected_claims(None)
        };
        claims.check(&expected, now.min(claims.expires_at))?;
        self.check_not_revoked(&claims, Consistency::Local, now)
            .await?;
        Ok(claims)
    }

    fn has_expired(&self, claims: &Claims) -> bool {
        self.deps.clock.now() >= claims.expires_at + LEEWAY
    }

    /// Ends the login of a login ticket, or the grant of a refresh token; with the grant that a login began with, the login.
    async fn end_by_handle(
        &self,
        handle: RefreshHandle,
        request: RevocationRequest<'_>,
        context: &CallContext,
    ) -> Result<(), RevokeTokenError> {
        let store = &self.deps.store;
        let (sid, id) = match handle {
            RefreshHandle::LoginTicket(sid) => (Some(sid), GrantId::first_of(sid)),
            RefreshHandle::RefreshToken(grant, _) => (None, grant),
        };
        let (grant, login, user) = match (store.grant(id).await?, sid) {
            (Some((grant, login, user)), _) => (Some(grant), login, user),
            (None, Some(sid)) => match store.login(sid).await? {
                Some((login, user)) => (None, login, user),
                None => return Ok(()),
            },
            (None, None) => return Ok(()),
        };
        let is_confidential = grant
            .as_ref()
            .is_some_and(|grant| grant.client_rules.is_confidential);
        if is_confidential && !request.by_own_client {
            return Err(RevokeTokenError::InvalidClient);
        }
        // Before the answer reveals whether the login is live.
        let key = grant.as_ref().and_then(|grant| grant.key.as_ref());
        let proof = self.required_proof(key, request)?;
        if login.ended || grant.as_ref().is_some_and(|grant| grant.ended) {
            return Ok(());
        }
        self.consume_if_any(proof).await?;
        match grant {
            Some(grant) if !grant.is_first() => self.end_grant(&grant, user.id, context).await,
            _ => self.end_login((user.id, login.sid), context).await,
        }
    }

    /// Ends a grant because its OAuth client revoked its refresh token (RFC 7009 §2.1).
    async fn end_grant(
        &self,
        grant: &Grant,
        user: UserId,
        context: &CallContext,
    ) -> Result<(), RevokeTokenError> {
        let (store, audit, now) = (&self.deps.store, &self.deps.audit, self.deps.clock.now());
        let subject = AuditSubject::grant(user, grant);
        let events = [audit.event(context, AuditKind::GrantEnded, subject)];
        let reason = EndReason::SignedOut;
        let ended = store.end_grant(grant.id, reason, now, &events).await?;
        audit.committed(ended, &events);
        self.deps.revocations.catch_up().await;
        Ok(())
    }

    /// Whether an OAuth client may revoke this token (RFC 7009 §2.1): it was issued to that client, or is no token at all, so that
    /// there is nothing to revoke.
    pub async fn may_revoke(&self, client: &OauthClient, token: &str) -> Result<bool, Fault> {
        let store = &self.deps.store;
        let owner = match self.deps.refresh_tokens.decode(token) {
            Some(RefreshHandle::RefreshToken(grant, _)) => {
                let found = store.grant(grant).await?;
                found.map(|(grant, ..)| grant.client.to_string())
            }
            Some(RefreshHandle::LoginTicket(_)) => Some(ClientId::first_party().to_string()),
            None => {
                let claims = self.deps.access_tokens.verify(token).ok();
                claims.map(|claims| claims.client_id.clone())
            }
        };
        Ok(owner.is_none_or(|owner| owner == client.id.as_str()))
    }

    async fn revoke_access_token(
        &self,
        claims: &Claims,
        request: RevocationRequest<'_>,
        context: &CallContext,
    ) -> Result<(), RevokeTokenError> {
        if self.has_expired(claims) {
            return Ok(());
        }
        let proof = self.required_proof(claims.key.as_ref(), request)?;
        if let RevocationStatus::Revoked(_) = self.deps.revocations.status(claims) {
            return Ok(());
        }
        let person = claims.person.as_ref();
        let owner =
            person.map_or_else(|| claims.client_id.clone(), |person| person.sid.to_string());
        let counter = rate_limits::revocations(&*self.deps.keyed_hasher, &owner);
        self.deps.counters.count(&[counter]).await?;
        self.consume_if_any(proof).await?;
        let (store, audit) = (&self.deps.store, &self.deps.audit);
        let subject = AuditSubject {
            client: claims.client_id.parse().ok(),
            ..person.map(AuditSubject::caller).unwrap_or_default()
        };
        let events = [audit.event(context, AuditKind::TokenRevoked, subject)];
        let is_new = store
            .revoke_token(claims.jti, claims.expires_at, &events)
            .await?;
        audit.committed(is_new, &events);
        self.deps.revocations.catch_up().await;
        Ok(())
    }

    /// Verifies the DPoP proof that a token bound to `key` requires; `None` if none is required.
    fn required_proof(
        &self,
        key: Option<&KeyThumbprint>,
        request: RevocationRequest<'_>,
    ) -> Result<Option<VerifiedProof>, DpopError> {
        let Some(key) = key.filter(|_| !request.by_own_client) else {
            return Ok(None);
        };
        let proof = request.proof.ok_or_else(|| self.dpop.required())?;
        let proof = self.dpop.verify(proof, ProofRequirements::WITH_NONCE)?;
        if proof.key == *key {
            Ok(Some(proof))
        } else {
            Err(self.dpop.invalid())
        }
    }

    async fn consume_if_any(&self, proof: Option<VerifiedProof>) -> Result<(), DpopError> {
        match proof {
            Some(proof) => self.dpop.consume(&proof).await,
            None => Ok(()),
        }
    }

    /// Ends a login because the account's owner signed out.
    async fn end_login(
        &self,
        (user, sid): (UserId, Sid),
        context: &CallContext,
    ) -> Result<(), RevokeTokenError> {
        let (store, audit, now) = (&self.deps.store, &self.deps.audit, self.deps.clock.now());
        let subject = AuditSubject::login(user, sid);
        let events = [audit.event(context, AuditKind::LoginEnded, subject)];
        let ended = store
            .end_login(sid, EndReason::SignedOut, now, &events)
            .await?;
        audit.committed(ended, &events);
        self.deps.revocations.catch_up().await;
        Ok(())
    }
}
