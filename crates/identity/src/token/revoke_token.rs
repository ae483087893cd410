//! Ending what a token stands for (RFC 7009).

use std::{sync::Arc, time::Duration};

use crate::{
    authentication::{Throttled, rate_limit},
    error::Fault,
    id::{Sid, UserId},
    login::{ClientKind, EndReason},
    oauth::{DpopError, PresentedProof, ProofRequirements, Thumbprint, VerifiedProof},
    revocation::RevocationStatus,
    service::IdentityService,
    store::StoreError,
    token::{Claims, Consistency, Expectation, LEEWAY, RefreshHandle, Scope, ValidateTokenError},
};

/// What the lifetime of access tokens may be set to at most.
const LONGEST_ACCESS_TTL: Duration = Duration::from_hours(24);

/// A token that is to be of no use any more.
#[derive(Clone, Copy, Debug)]
pub struct RevocationRequest<'a> {
    /// An access token, a refresh token or a login ticket.
    pub token: &'a str,
    /// Of the key that the token is bound to, for the request that revokes it.
    pub proof: Option<&'a PresentedProof>,
    /// Whether the OAuth client that it was issued to authenticated itself, which shows more than the key.
    pub is_clients_own: bool,
}

/// What came to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevokedBy {
    /// This person's login.
    Login(UserId, Sid),
    /// One access token, of this person's login where it was a person's.
    Token(Option<(UserId, Sid)>),
    /// Nothing: the text is no token, or none that was alive.
    Nothing,
}

/// Why nothing was ended.
#[derive(Debug, thiserror::Error)]
pub enum RevokeTokenError {
    /// The access token does not allow to end its login.
    #[error("the access token lacks a scope that is needed here")]
    InsufficientScope,
    /// The token is bound to a key, and nothing shows that the caller has it.
    #[error(transparent)]
    Dpop(#[from] DpopError),
    /// Too many access tokens of one login or client were revoked.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// It could not be done now.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for RevokeTokenError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

impl IdentityService {
    /// Ends a login by its refresh token or ticket, or one access token alone. A text that is neither, or over already, is no
    /// error, and writes nothing. What is bound to a key takes a proof of it, as its use does: a copy alone ends nothing.
    pub async fn revoke_token(
        &self,
        request: RevocationRequest<'_>,
    ) -> Result<RevokedBy, RevokeTokenError> {
        if let Some(credential) = self.deps.credentials.open(request.token) {
            return self.end_by_credential(credential, request).await;
        }
        match self.deps.tokens.open(request.token) {
            Ok(claims) => self.revoke_access_token(&claims, request).await,
            Err(_) => Ok(RevokedBy::Nothing),
        }
    }

    /// Ends the login that a token of any kind belongs to. With an access token that takes the scope `account`: an API that
    /// was given a token cannot sign its owner out with it. For a program that signs itself out through web-service any
    /// token of its own login does, as it gets no other. One that has expired does as well: a program that was asleep has no other.
    pub async fn end_login_of(
        &self,
        request: RevocationRequest<'_>,
        from_web_service: bool,
    ) -> Result<RevokedBy, RevokeTokenError> {
        if let Some(credential) = self.deps.credentials.open(request.token) {
            return self.end_by_credential(credential, request).await;
        }
        let claims = match self.claims_to_sign_out(request.token).await {
            Ok(claims) => claims,
            Err(ValidateTokenError::Fault(fault)) => return Err(fault.into()),
            Err(_) => return Ok(RevokedBy::Nothing),
        };
        let Some(person) = &claims.person else {
            return self.revoke_access_token(&claims, request).await;
        };
        // A token that lives was judged by web-service, and so was the proof that came with it.
        let is_judged = from_web_service && !self.has_expired(&claims);
        let key = claims.key.as_ref().filter(|_| !is_judged);
        let proof = self.proof_of_key(key, request)?;
        let login = self.deps.store.login(person.sid).await?;
        let is_programs = login.is_some_and(|(login, _)| login.kind == ClientKind::Api);
        if claims.scopes.contains(&Scope::Account) || (from_web_service && is_programs) {
            self.spend_where_given(proof).await?;
            self.end_login((person.subject, person.sid)).await
        } else {
            Err(RevokeTokenError::InsufficientScope)
        }
    }

    /// What an access token says that is valid, or was until it expired.
    async fn claims_to_sign_out(&self, token: &str) -> Result<Arc<Claims>, ValidateTokenError> {
        let claims = self.deps.tokens.open(token)?;
        let now = self.deps.clock.now();
        // It may have been issued before a shorter lifetime was configured.
        let expected = Expectation {
            max_lifetime: LONGEST_ACCESS_TTL,
            ..self.expectation(None)
        };
        claims.check(&expected, now.min(claims.expires_at))?;
        self.check_not_revoked(&claims, Consistency::Local, now)
            .await?;
        Ok(claims)
    }

    fn has_expired(&self, claims: &Claims) -> bool {
        self.deps.clock.now() >= claims.expires_at + LEEWAY
    }

    async fn end_by_credential(
        &self,
        credential: RefreshHandle,
        request: RevocationRequest<'_>,
    ) -> Result<RevokedBy, RevokeTokenError> {
        let Some((login, user)) = self.deps.store.login(credential.sid).await? else {
            return Ok(RevokedBy::Nothing);
        };
        // Before anything tells whether the login lives.
        let proof = self.proof_of_key(login.key.as_ref(), request)?;
        if login.ended {
            return Ok(RevokedBy::Nothing);
        }
        self.spend_where_given(proof).await?;
        self.end_login((user.id, login.sid)).await
    }

    async fn revoke_access_token(
        &self,
        claims: &Claims,
        request: RevocationRequest<'_>,
    ) -> Result<RevokedBy, RevokeTokenError> {
        if self.has_expired(claims) {
            return Ok(RevokedBy::Nothing);
        }
        let proof = self.proof_of_key(claims.key.as_ref(), request)?;
        if let RevocationStatus::Refused(_) = self.deps.revocations.judge(claims) {
            return Ok(RevokedBy::Nothing);
        }
        let of = claims.person.as_ref();
        let owner = of.map_or_else(|| claims.client_id.clone(), |person| person.sid.to_string());
        let counter = rate_limit::revocations(&*self.deps.keyed_hasher, &owner);
        self.deps.counters.count(&[counter]).await?;
        self.spend_where_given(proof).await?;
        let store = &self.deps.store;
        let is_new = store.revoke_token(claims.jti, claims.expires_at).await?;
        self.deps.revocations.catch_up().await;
        Ok(if is_new {
            RevokedBy::Token(of.map(|person| (person.subject, person.sid)))
        } else {
            RevokedBy::Nothing
        })
    }

    /// The proof that is needed of `key`, if any, not spent yet.
    fn proof_of_key(
        &self,
        key: Option<&Thumbprint>,
        request: RevocationRequest<'_>,
    ) -> Result<Option<VerifiedProof>, DpopError> {
        let Some(key) = key.filter(|_| !request.is_clients_own) else {
            return Ok(None);
        };
        let proof = request.proof.ok_or_else(|| self.proof_required())?;
        let wanted = ProofRequirements {
            token: None,
            is_fresh: false,
        };
        let proof = self.prove_key(proof, wanted)?;
        if proof.key == *key {
            Ok(Some(proof))
        } else {
            Err(self.proof_invalid())
        }
    }

    async fn spend_where_given(&self, proof: Option<VerifiedProof>) -> Result<(), DpopError> {
        match proof {
            Some(proof) => self.consume(&proof).await,
            None => Ok(()),
        }
    }

    /// Ends a login because its owner signed out.
    async fn end_login(&self, (user, sid): (UserId, Sid)) -> Result<RevokedBy, RevokeTokenError> {
        let (store, now) = (&self.deps.store, self.deps.clock.now());
        let ended = store.end_login(sid, EndReason::SignedOut, now).await?;
        self.deps.revocations.catch_up().await;
        Ok(if ended {
            RevokedBy::Login(user, sid)
        } else {
            RevokedBy::Nothing
        })
    }
}
