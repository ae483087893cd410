//! Exchanging a login ticket or a refresh token for an access token.

use std::time::Duration;

use time::OffsetDateTime;

use crate::{
    account::User,
    authentication::{StepUpRequired, Throttled, rate_limit},
    error::Fault,
    id::{Jti, Sid, UserId},
    login::{
        ClientInfo, ClientKind, EndReason, Generation, Login, REPLAY_WINDOW, RefreshTokenState,
        Rotation,
    },
    oauth::{
        Dpop, DpopError, InvalidClient, PresentedProof, ProofRequirements, Thumbprint,
        VerifiedProof,
    },
    service::IdentityService,
    store::StoreError,
    token::{Claims, FIRST_PARTY_CLIENT, HandleKind, Person, RefreshHandle, Scope, Scopes},
};

/// What entitles a caller to a token.
#[derive(Debug)]
pub enum Grant {
    /// From a sign-in.
    LoginTicket(String),
    /// From an earlier exchange.
    RefreshToken(String),
}

/// Somebody who wants a token.
#[derive(Debug)]
pub struct TokenRequest {
    /// What entitles them.
    pub grant: Grant,
    /// Who is to accept the token; the default audience where nobody is named.
    pub audience: Option<String>,
    /// What it is to be used for; empty for the default.
    pub scopes: Scopes,
    /// For whom; only the web-service can speak for a browser.
    pub client: ClientInfo,
    /// Of the key that the token is to be bound to.
    pub proof: Option<PresentedProof>,
}

/// A token that was issued.
#[derive(Debug)]
pub struct Issued {
    /// The signed JWT.
    pub access_token: String,
    /// How long it is valid from now.
    pub expires_in: Duration,
    /// The login's refresh token from now on.
    pub refresh_token: String,
    /// What was granted.
    pub scopes: Scopes,
    /// Whether it is bound to a key.
    pub is_bound: bool,
    /// Whose it is.
    pub user: UserId,
    /// Which login it belongs to.
    pub sid: Sid,
    /// Whether a refresh token moved on by it.
    pub is_refresh: bool,
    /// Whether it was given again to a client that is not seen where the one was that refreshed.
    pub is_repeated_elsewhere: bool,
}

/// Why no token was issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueTokenError {
    /// It is no ticket or refresh token of this issuer.
    #[error("the ticket or refresh token is malformed")]
    Malformed,
    /// It is past its time.
    #[error("the ticket or refresh token has expired")]
    Expired,
    /// Its login ended.
    #[error("the login has ended")]
    LoginEnded,
    /// It was used up; its login has been ended.
    #[error("the ticket or refresh token was used before; the login has been ended")]
    Reused(UserId, Sid),
    /// The client is unknown or its proof does not hold.
    #[error("the client is unknown or its proof does not hold")]
    InvalidClient,
    /// The client may not have tokens in its own name.
    #[error("this client may not have tokens in its own name")]
    UnauthorizedClient,
    /// It belongs to a browser, whose tokens the web-service keeps.
    #[error("tokens of a browser login are issued to the web-service only")]
    ServiceIdentityRequired,
    /// A scope is not granted.
    #[error("a requested scope cannot be granted")]
    InvalidScope,
    /// A scope is granted only to somebody who proved lately who they are.
    #[error(transparent)]
    StepUpRequired(#[from] StepUpRequired),
    /// A proof of a key is needed, or does not hold.
    #[error(transparent)]
    Dpop(#[from] DpopError),
    /// The login is refreshed too often. Whose it is, and which, is for the audit trail.
    #[error("{0}")]
    Throttled(Throttled, UserId, Sid),
    /// The audience is not one of this issuer's.
    #[error("the requested audience is not served here")]
    InvalidAudience,
    /// It could not be done now.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<InvalidClient> for IssueTokenError {
    fn from(refused: InvalidClient) -> Self {
        match refused {
            InvalidClient::InvalidClient => Self::InvalidClient,
            InvalidClient::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<StoreError> for IssueTokenError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

/// What becomes of the login's generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RotationOutcome {
    Advance,
    Keep,
    Repeat,
    Expired,
    Reused,
}

impl IdentityService {
    /// Judges the credential, moves the login on by one compare-and-set, and signs a token.
    pub async fn issue_token(&self, request: TokenRequest) -> Result<Issued, IssueTokenError> {
        let audience = self.audience(request.audience.as_deref())?;
        let credential = self.open(&request.grant)?;
        let shown = match &request.proof {
            Some(proof) => Some(self.verify_dpop_proof(proof, credential.kind)?),
            None => None,
        };
        let mut unspent = shown.as_ref();
        let mut was_overtaken = false;
        loop {
            let now = self.deps.clock.now();
            let (login, user) = self.live_login(credential.sid, now).await?;
            if login.kind == ClientKind::Browser && request.client.kind != ClientKind::Browser {
                return Err(IssueTokenError::ServiceIdentityRequired);
            }
            let key = self.required_binding(&login, shown.as_ref().map(|proof| &proof.key))?;
            if let Some(proof) = unspent.take() {
                self.consume(proof).await?;
            }
            let step = self.step(credential, &login, now);
            match step {
                RotationOutcome::Expired => return Err(IssueTokenError::Expired),
                RotationOutcome::Reused => {
                    return Err(self.revoke_on_reuse(user.id, login.sid, now).await?);
                }
                // One that was under way before there was a successor had no answer that could get lost.
                RotationOutcome::Repeat if !was_overtaken => {
                    self.count_repeat(&login, &user).await?;
                }
                RotationOutcome::Advance | RotationOutcome::Keep | RotationOutcome::Repeat => {}
            }
            let asked = match (credential.kind, step) {
                (HandleKind::LoginTicket, RotationOutcome::Advance) => {
                    first_grant(request.scopes.clone(), &user)?
                }
                _ => narrowed(request.scopes.clone(), &login, &user)?,
            };
            if asked.contains(&Scope::Admin) {
                self.require_fresh(login.authenticated_at)?;
            }
            if matches!(step, RotationOutcome::Keep | RotationOutcome::Repeat) {
                self.note_seen(&login, now).await?;
                let next = (login.generation, key);
                let issued = self.issue((&login, &user), audience, asked, next, now)?;
                return Ok(Issued {
                    is_repeated_elsewhere: step == RotationOutcome::Repeat
                        && login.was_refreshed_elsewhere(&request.client),
                    ..issued
                });
            }
            // A login is bound at its first token or never: later, a thief could bind it to a key of theirs, and the owner's
            // copy of a refresh token would tell of no reuse any more.
            let (granted, bind) = match credential.kind {
                HandleKind::LoginTicket => (&asked, key),
                HandleKind::RefreshToken => (&login.scopes, None),
            };
            // Where somebody else has moved it on since it was read, judge again.
            let rotation = Rotation {
                scopes: granted,
                key: bind,
                client: &request.client,
                // The generation before may be repeated meanwhile, for one more.
                tokens_until: (login.kind == ClientKind::Api)
                    .then(|| now + REPLAY_WINDOW + self.policy.access_ttl),
            };
            if self.advance((&login, &user), &rotation, now).await? {
                let next = (login.generation.next(), key);
                return self.issue((&login, &user), audience, asked, next, now);
            }
            was_overtaken = true;
        }
    }

    /// Of the refresh token before the current one two repeats are answered. What comes beyond is refused, and ends nothing: a program
    /// may have asked many times at once.
    async fn count_repeat(&self, login: &Login, user: &User) -> Result<(), IssueTokenError> {
        let counter = rate_limit::repeats(&*self.deps.keyed_hasher, login.sid, login.generation);
        let outcome = self.deps.counters.count(&[counter]).await;
        outcome.map_err(|throttled| IssueTokenError::Throttled(throttled, user.id, login.sid))
    }

    /// The key that a proof shows. A ticket is fresh by itself, and who has just signed in has no nonce yet.
    pub(crate) fn verify_dpop_proof(
        &self,
        proof: &PresentedProof,
        kind: HandleKind,
    ) -> Result<VerifiedProof, DpopError> {
        let wanted = ProofRequirements {
            token: None,
            is_fresh: kind == HandleKind::LoginTicket,
        };
        self.prove_key(proof, wanted)
    }

    /// What the next tokens of a login are bound to. A login that was bound once takes no other key, and no copy of its refresh
    /// token does anything without it.
    fn required_binding<'a>(
        &self,
        login: &Login,
        shown: Option<&'a Thumbprint>,
    ) -> Result<Option<&'a Thumbprint>, DpopError> {
        let must_be_bound = self.policy.dpop == Dpop::Require && login.kind == ClientKind::Api;
        match (&login.key, shown) {
            (Some(bound_to), Some(shown)) if bound_to != shown => Err(self.proof_invalid()),
            (Some(_), None) => Err(self.proof_required()),
            (None, None) if must_be_bound => Err(self.proof_required()),
            (None, Some(_)) if self.policy.dpop == Dpop::Off => Ok(None),
            (_, shown) => Ok(shown),
        }
    }

    /// One compare-and-set. It is a write that waits for the disk, so there may not be too many; one that was overtaken was none.
    async fn advance(
        &self,
        (login, user): (&Login, &User),
        rotation: &Rotation<'_>,
        now: OffsetDateTime,
    ) -> Result<bool, IssueTokenError> {
        let (store, counters) = (&self.deps.store, &self.deps.counters);
        let counter = [rate_limit::refreshes(&*self.deps.keyed_hasher, login.sid)];
        let outcome = counters.count(&counter).await;
        outcome.map_err(|throttled| IssueTokenError::Throttled(throttled, user.id, login.sid))?;
        let from = login.generation;
        let has_advanced = store.advance((login.sid, from), rotation, now).await?;
        if !has_advanced {
            counters.refund(&counter).await;
        }
        Ok(has_advanced)
    }

    async fn note_seen(&self, login: &Login, now: OffsetDateTime) -> Result<(), StoreError> {
        if login.should_note_seen(now) {
            self.deps.store.note_seen(login.sid, now).await?;
        }
        Ok(())
    }

    async fn revoke_on_reuse(
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

    fn audience<'a>(&'a self, requested: Option<&str>) -> Result<&'a str, IssueTokenError> {
        let Some(requested) = requested else {
            return Ok(self.policy.default_audience());
        };
        let requested = self.policy.canonical(requested);
        let mut served = self.policy.audiences.iter();
        served
            .find(|audience| *audience == requested)
            .map(String::as_str)
            .ok_or(IssueTokenError::InvalidAudience)
    }

    pub(crate) fn open(&self, grant: &Grant) -> Result<RefreshHandle, IssueTokenError> {
        let (kind, text) = match grant {
            Grant::LoginTicket(text) => (HandleKind::LoginTicket, text),
            Grant::RefreshToken(text) => (HandleKind::RefreshToken, text),
        };
        self.deps
            .credentials
            .open(text)
            .filter(|credential| credential.kind == kind)
            .ok_or(IssueTokenError::Malformed)
    }

    pub(crate) async fn live_login(
        &self,
        sid: Sid,
        now: OffsetDateTime,
    ) -> Result<(Login, User), IssueTokenError> {
        let found = self.deps.store.login(sid).await?;
        found
            .filter(|(login, _)| login.is_live(now))
            .ok_or(IssueTokenError::LoginEnded)
    }

    fn step(
        &self,
        credential: RefreshHandle,
        login: &Login,
        now: OffsetDateTime,
    ) -> RotationOutcome {
        match (credential.kind, login.kind) {
            // A form that was sent twice has the same ticket twice. Tickets of browsers never leave the services.
            (HandleKind::LoginTicket, ClientKind::Browser)
                if login.generation != Generation::TICKET && login.takes_ticket(now) =>
            {
                RotationOutcome::Keep
            }
            (HandleKind::LoginTicket, _) => {
                if login.generation != Generation::TICKET {
                    RotationOutcome::Reused
                } else if !login.takes_ticket(now) {
                    RotationOutcome::Expired
                } else {
                    RotationOutcome::Advance
                }
            }
            (HandleKind::RefreshToken, ClientKind::Browser) => {
                match login.judge(credential.generation, now) {
                    RefreshTokenState::Current => RotationOutcome::Keep,
                    RefreshTokenState::Repeated | RefreshTokenState::Reused => {
                        RotationOutcome::Reused
                    }
                }
            }
            (HandleKind::RefreshToken, ClientKind::Api) => {
                match login.judge(credential.generation, now) {
                    RefreshTokenState::Reused => RotationOutcome::Reused,
                    _ if now >= login.refreshed_at + self.policy.refresh_ttl => {
                        RotationOutcome::Expired
                    }
                    RefreshTokenState::Current => RotationOutcome::Advance,
                    RefreshTokenState::Repeated => RotationOutcome::Repeat,
                }
            }
        }
    }

    fn issue(
        &self,
        (login, user): (&Login, &User),
        audience: &str,
        scopes: Scopes,
        (generation, key): (Generation, Option<&Thumbprint>),
        now: OffsetDateTime,
    ) -> Result<Issued, IssueTokenError> {
        let issued_at = now.truncate_to_second();
        let expires_at =
            (issued_at + self.policy.access_ttl).min(login.expires_at.truncate_to_second());
        let expires_in = Duration::try_from(expires_at - issued_at)
            .ok()
            .filter(|left| !left.is_zero())
            .ok_or(IssueTokenError::LoginEnded)?;
        let claims = Claims {
            issuer: self.policy.issuer.clone(),
            person: Some(Person {
                subject: user.id,
                sid: login.sid,
                username: user.username.clone(),
                authenticated_at: login.authenticated_at.truncate_to_second(),
            }),
            audience: audience.to_owned(),
            client_id: FIRST_PARTY_CLIENT.to_owned(),
            jti: Jti::random(&*self.deps.random),
            scopes: scopes.clone(),
            issued_at,
            expires_at,
            key: key.cloned(),
        };
        Ok(Issued {
            access_token: self.deps.tokens.sign(&claims).map_err(Fault::from)?,
            expires_in,
            refresh_token: self.deps.credentials.seal(RefreshHandle {
                kind: HandleKind::RefreshToken,
                sid: login.sid,
                generation,
            }),
            scopes,
            is_bound: key.is_some(),
            user: user.id,
            sid: login.sid,
            is_refresh: generation != login.generation && login.generation != Generation::TICKET,
            is_repeated_elsewhere: false,
        })
    }
}

/// What a ticket is exchanged for: what is asked, within what the account may have.
fn first_grant(asked: Scopes, user: &User) -> Result<Scopes, IssueTokenError> {
    if asked.is_empty() {
        return Ok([Scope::Profile].into_iter().collect());
    }
    within(asked, &Scopes::grantable(user))
}

/// What a refresh token is good for: all that was granted, or less, never more (RFC 6749 §6).
fn narrowed(asked: Scopes, login: &Login, user: &User) -> Result<Scopes, IssueTokenError> {
    let asked = if asked.is_empty() {
        login.scopes.clone()
    } else {
        asked
    };
    within(within(asked, &login.scopes)?, &Scopes::grantable(user))
}

fn within(asked: Scopes, limit: &Scopes) -> Result<Scopes, IssueTokenError> {
    if asked.is_within(limit) {
        Ok(asked)
    } else {
        Err(IssueTokenError::InvalidScope)
    }
}
