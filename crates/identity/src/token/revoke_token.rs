//! Revocation of tokens and of their logins (RFC 7009): `RevokeToken`.

use std::time::Duration;

use holdfast_core::replay_cache::ReplayCacheError;

use crate::{
    audit::{AuditKind, AuditSubject},
    authentication::Throttled,
    call_context::CallContext,
    error::{Fault, StoreError, fault_from},
    id::{GrantId, Sid, UserId},
    leeway::LEEWAY,
    login::{ClientKind, EndReason},
    oauth::{
        ClientCredentials, ClientId, DpopError, InvalidClient, KeyThumbprint, OauthClient,
        PresentedProof, ProofRequirements, VerifiedProof,
    },
    observer::{RateLimited, VerdictSource},
    revocation::RevocationStatus,
    token::{
        Claims, Consistency, ExpectedClaims, RefreshHandle, Scope, TokenService,
        ValidateTokenError, token_limits,
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
    /// The credentials of an OAuth client. Then the token must have been issued to that one, and a confidential one needs no DPoP proof.
    pub client: Option<&'a ClientCredentials>,
}

/// Why a revocation is refused.
#[derive(Debug, thiserror::Error)]
pub enum RevokeTokenError {
    /// The OAuth client is unknown or disabled, its credentials are wrong, or it is confidential and the refresh token came without them
    /// (RFC 7009 §2.1).
    #[error("the client is unknown, or its authentication is invalid")]
    InvalidClient,
    /// The token was issued to another OAuth client.
    #[error("the client is not authorized to do this")]
    UnauthorizedClient,
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

impl From<InvalidClient> for RevokeTokenError {
    fn from(error: InvalidClient) -> Self {
        match error {
            InvalidClient::InvalidClient => Self::InvalidClient,
            InvalidClient::Fault(fault) => Self::Fault(fault),
        }
    }
}

/// Who presents a token for revocation.
struct Revoker<'a> {
    /// The OAuth client that authenticated itself, if any; also a public one.
    client: Option<OauthClient>,
    /// A DPoP proof of the key that the token is bound to.
    proof: Option<&'a PresentedProof>,
}

impl Revoker<'_> {
    /// Requires that the token was issued to the OAuth client that presents it (RFC 7009 §2.1).
    fn require_issued_to(&self, owner: &str) -> Result<(), RevokeTokenError> {
        let client = self.client.as_ref();
        if client.is_some_and(|client| client.id.as_str() != owner) {
            return Err(RevokeTokenError::UnauthorizedClient);
        }
        Ok(())
    }

    /// Whether the OAuth client proved by its own authentication that it may use the token.
    fn is_confidential(&self) -> bool {
        let client = self.client.as_ref();
        client.is_some_and(OauthClient::is_confidential)
    }
}

impl TokenService {
    /// Revokes one access token, or ends the login of a login ticket or the grant of a refresh token. For a text that is no token, and
    /// for a token that is expired or revoked, nothing is written. A bound token requires a DPoP proof.
    pub async fn revoke_token(
        &self,
        request: RevocationRequest<'_>,
        context: &CallContext,
    ) -> Result<(), RevokeTokenError> {
        let revoker = self.revoker(request, context).await?;
        if let Some(handle) = self.deps.refresh_tokens.decode(request.token) {
            return self.end_by_handle(handle, &revoker, context).await;
        }
        match self.deps.access_tokens.verify(request.token) {
            Ok(claims) => self.revoke_access_token(&claims, &revoker, context).await,
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
        let revoker = self.revoker(request, context).await?;
        if let Some(handle) = self.deps.refresh_tokens.decode(request.token) {
            return self.end_by_handle(handle, &revoker, context).await;
        }
        let Ok(claims) = self.deps.access_tokens.verify(request.token) else {
            return Ok(());
        };
        revoker.require_issued_to(&claims.client_id)?;
        match self.check_for_sign_out(&claims).await {
            Ok(()) => {}
            Err(ValidateTokenError::Fault(fault)) => return Err(fault.into()),
            Err(_) => return Ok(()),
        }
        let Some(person) = &claims.person else {
            return self.revoke_access_token(&claims, &revoker, context).await;
        };
        let from_web_service = context.from_web_service;
        // Web-service has verified a token that has not expired, with its proof.
        let is_verified = from_web_service && !self.has_expired(&claims);
        let key = claims.key.as_ref().filter(|_| !is_verified);
        let proof = self.required_proof(key, &revoker)?;
        let found = self.deps.store.grant(person.grant).await?;
        // Of an expired token the entry in the revocation log may have been deleted; the rows have not.
        let found = found.filter(|(grant, login, _)| !grant.ended && !login.ended);
        let Some((grant, login, _)) = found else {
            return Ok(());
        };
        let has_account = claims.scopes.contains(&Scope::Account);
        let is_delegated = from_web_service && grant.holder(&login) == ClientKind::Api;
        if !has_account && !is_delegated {
            return Err(RevokeTokenError::InsufficientScope);
        }
        self.consume_if_any(proof).await?;
        if has_account {
            self.sign_out(person.subject, person.sid, context).await
        } else {
            let user = person.subject;
            self.deps
                .end_grant(user, &grant, EndReason::SignedOut, context)
                .await?;
            Ok(())
        }
    }

    /// Authenticates the OAuth client of a request, if it names one.
    async fn revoker<'a>(
        &self,
        request: RevocationRequest<'a>,
        context: &CallContext,
    ) -> Result<Revoker<'a>, RevokeTokenError> {
        let client = match request.client {
            Some(credentials) => Some(self.clients.authenticate(credentials, context).await?),
            None => None,
        };
        Ok(Revoker {
            client,
            proof: request.proof,
        })
    }

    /// Requires that an access token is valid, or was until it expired.
    async fn check_for_sign_out(&self, claims: &Claims) -> Result<(), ValidateTokenError> {
        let now = self.deps.clock.now();
        // A shorter lifetime may have been configured since the token was issued.
        let expected = ExpectedClaims {
            max_lifetime: MAX_ACCESS_TTL,
            ..self.expected_claims(None)
        };
        claims.check(&expected, now.min(claims.expires_at))?;
        // It is the caller's own token, and not measured as one that was validated.
        let from = (Consistency::Local, &mut VerdictSource::Memory);
        self.check_not_revoked(claims, from, now).await
    }

    fn has_expired(&self, claims: &Claims) -> bool {
        self.deps.clock.now() >= claims.expires_at + LEEWAY
    }

    /// Ends the login of a login ticket, or the grant of a refresh token; with the grant that a login began with, the login.
    async fn end_by_handle(
        &self,
        handle: RefreshHandle,
        revoker: &Revoker<'_>,
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
        let first_party = ClientId::first_party();
        let owner = grant.as_ref().map_or(&first_party, |grant| &grant.client);
        revoker.require_issued_to(owner.as_str())?;
        let is_confidential = grant
            .as_ref()
            .is_some_and(|grant| grant.client_rules.is_confidential);
        if is_confidential && !revoker.is_confidential() {
            return Err(RevokeTokenError::InvalidClient);
        }
        // Before the answer reveals whether the login is live.
        let key = grant.as_ref().and_then(|grant| grant.key.as_ref());
        let proof = self.required_proof(key, revoker)?;
        if login.ended || grant.as_ref().is_some_and(|grant| grant.ended) {
            return Ok(());
        }
        self.consume_if_any(proof).await?;
        let Some(grant) = grant else {
            return self.sign_out(user.id, login.sid, context).await;
        };
        self.deps
            .end_grant(user.id, &grant, EndReason::SignedOut, context)
            .await?;
        Ok(())
    }

    async fn revoke_access_token(
        &self,
        claims: &Claims,
        revoker: &Revoker<'_>,
        context: &CallContext,
    ) -> Result<(), RevokeTokenError> {
        revoker.require_issued_to(&claims.client_id)?;
        if self.has_expired(claims) {
            return Ok(());
        }
        let proof = self.required_proof(claims.key.as_ref(), revoker)?;
        if let RevocationStatus::Revoked(_) = self.deps.revocations.status(claims) {
            return Ok(());
        }
        let person = claims.person.as_ref();
        let owner =
            person.map_or_else(|| claims.client_id.clone(), |person| person.sid.to_string());
        let counter = token_limits::revocations(&*self.deps.keyed_hasher, &owner);
        self.deps
            .count(RateLimited::TokenRevocation, &[counter])
            .await?;
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
        revoker: &Revoker<'_>,
    ) -> Result<Option<VerifiedProof>, DpopError> {
        let Some(key) = key.filter(|_| !revoker.is_confidential()) else {
            return Ok(None);
        };
        let proof = revoker.proof.ok_or_else(|| self.dpop.required())?;
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
    async fn sign_out(
        &self,
        user: UserId,
        sid: Sid,
        context: &CallContext,
    ) -> Result<(), RevokeTokenError> {
        let (kind, subject) = (AuditKind::LoginEnded, AuditSubject::login(user, sid));
        let event = self.deps.audit.event(context, kind, subject);
        self.deps
            .end_login(sid, EndReason::SignedOut, event)
            .await?;
        Ok(())
    }
}
