//! Ending what a token stands for (RFC 7009).

use std::{sync::Arc, time::Duration};

use super::{
    Authority, Consistency, DpopRefused, ValidateRefused,
    dpop::{Unspent, Wanted},
};
use crate::domain::{
    access_token::{Claims, Expectation, LEEWAY},
    credential::Credential,
    dpop::{PresentedProof, Thumbprint},
    error::Fault,
    id::{Sid, UserId},
    login::{ClientKind, EndReason},
    ports::StoreError,
    revocation::Verdict,
    scope::Scope,
    throttle::{self, Throttled},
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
pub enum RevokeRefused {
    /// The access token does not allow to end its login.
    #[error("the access token lacks a scope that is needed here")]
    InsufficientScope,
    /// The token is bound to a key, and nothing shows that the caller has it.
    #[error(transparent)]
    Dpop(#[from] DpopRefused),
    /// Too many access tokens of one login or client were revoked.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// It could not be done now.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for RevokeRefused {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

impl Authority {
    /// Ends a login by its refresh token or ticket, or one access token alone. A text that is neither, or over already, is no
    /// error, and writes nothing. What is bound to a key takes a proof of it, as its use does: a copy alone ends nothing.
    pub async fn revoke_token(
        &self,
        request: RevocationRequest<'_>,
    ) -> Result<RevokedBy, RevokeRefused> {
        if let Some(credential) = self.parts.credentials.open(request.token) {
            return self.end_by_credential(credential, request).await;
        }
        match self.parts.tokens.open(request.token) {
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
    ) -> Result<RevokedBy, RevokeRefused> {
        if let Some(credential) = self.parts.credentials.open(request.token) {
            return self.end_by_credential(credential, request).await;
        }
        let claims = match self.claims_to_sign_out(request.token).await {
            Ok(claims) => claims,
            Err(ValidateRefused::Fault(fault)) => return Err(fault.into()),
            Err(_) => return Ok(RevokedBy::Nothing),
        };
        let Some(person) = &claims.person else {
            return self.revoke_access_token(&claims, request).await;
        };
        // A token that lives was judged by web-service, and so was the proof that came with it.
        let is_judged = from_web_service && !self.has_expired(&claims);
        let key = claims.key.as_ref().filter(|_| !is_judged);
        let proof = self.proof_of_key(key, request)?;
        let login = self.parts.store.login(person.sid).await?;
        let is_programs = login.is_some_and(|(login, _)| login.kind == ClientKind::Api);
        if claims.scopes.contains(&Scope::Account) || (from_web_service && is_programs) {
            self.spend_where_given(proof).await?;
            self.end_login((person.subject, person.sid)).await
        } else {
            Err(RevokeRefused::InsufficientScope)
        }
    }

    /// What an access token says that is valid, or was until it expired.
    async fn claims_to_sign_out(&self, token: &str) -> Result<Arc<Claims>, ValidateRefused> {
        let claims = self.parts.tokens.open(token)?;
        let now = self.parts.clock.now();
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
        self.parts.clock.now() >= claims.expires_at + LEEWAY
    }

    async fn end_by_credential(
        &self,
        credential: Credential,
        request: RevocationRequest<'_>,
    ) -> Result<RevokedBy, RevokeRefused> {
        let Some((login, user)) = self.parts.store.login(credential.sid).await? else {
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
    ) -> Result<RevokedBy, RevokeRefused> {
        if self.has_expired(claims) {
            return Ok(RevokedBy::Nothing);
        }
        let proof = self.proof_of_key(claims.key.as_ref(), request)?;
        if let Verdict::Refused(_) = self.parts.revocations.judge(claims) {
            return Ok(RevokedBy::Nothing);
        }
        let of = claims.person.as_ref();
        let owner = of.map_or_else(|| claims.client_id.clone(), |person| person.sid.to_string());
        let counter = throttle::revocations(&*self.parts.blinding, &owner);
        self.parts.counters.count(&[counter]).await?;
        self.spend_where_given(proof).await?;
        let store = &self.parts.store;
        let is_new = store.revoke_token(claims.jti, claims.expires_at).await?;
        self.parts.revocations.catch_up().await;
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
    ) -> Result<Option<Unspent>, DpopRefused> {
        let Some(key) = key.filter(|_| !request.is_clients_own) else {
            return Ok(None);
        };
        let proof = request.proof.ok_or_else(|| self.proof_required())?;
        let wanted = Wanted {
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

    async fn spend_where_given(&self, proof: Option<Unspent>) -> Result<(), DpopRefused> {
        match proof {
            Some(proof) => self.spend(&proof).await,
            None => Ok(()),
        }
    }

    /// Ends a login because its owner signed out.
    async fn end_login(&self, (user, sid): (UserId, Sid)) -> Result<RevokedBy, RevokeRefused> {
        let (store, now) = (&self.parts.store, self.parts.clock.now());
        let ended = store.end_login(sid, EndReason::SignedOut, now).await?;
        self.parts.revocations.catch_up().await;
        Ok(if ended {
            RevokedBy::Login(user, sid)
        } else {
            RevokedBy::Nothing
        })
    }
}
