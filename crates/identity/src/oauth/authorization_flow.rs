//! The state of an authorization request between its steps, which the browser keeps, and the decision about the next step.

use std::time::Duration;

use time::OffsetDateTime;

use crate::{
    authentication::AssuranceLevel,
    id::{Sid, UserId},
    leeway::LEEWAY,
    login::Login,
    oauth::{
        AuthorizationRequest, ClientId, RelyingParty,
        authorization_request::{AuthorizationError, Prompt},
    },
    token::Scopes,
};

/// Time within which a request is answered: sign-in and consent included.
pub const FLOW_TTL: Duration = Duration::from_mins(10);

/// An authorization request on its way to its response. It is not stored: browsers keep it, sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationFlow {
    /// The OAuth client.
    pub client: ClientId,
    /// Its request.
    pub request: AuthorizationRequest,
    /// What the browser has done so far; `None` for a request that was pushed and that no browser has brought yet.
    pub progress: Option<FlowProgress>,
    /// Time from which on it is refused, UTC, in whole seconds.
    pub expires_at: OffsetDateTime,
}

/// How far a browser has come with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowProgress {
    /// The authentication that there was when the browser brought the request. It does not satisfy `prompt=login` and `max_age`, also where the
    /// clocks of instances differ.
    pub before: Option<Authentication>,
    /// Time at which the browser brought the request, UTC, in milliseconds. An authentication from before does not satisfy them either: the flow
    /// may be continued in another browser than the one that brought it.
    pub started_at: OffsetDateTime,
    /// The login whose owner was asked for consent. A consent of another login does not count.
    pub asked: Option<Sid>,
}

/// An authentication of a login, as far as it tells one from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authentication {
    /// The login.
    pub sid: Sid,
    /// Its time, UTC, in milliseconds.
    pub at: OffsetDateTime,
}

impl Authentication {
    /// The latest authentication of a login.
    pub(super) fn of(login: &Login) -> Self {
        Self {
            sid: login.sid,
            at: login.authenticated_at,
        }
    }
}

/// The answer of the account's owner to the question for consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsentDecision {
    /// The relying party may have what it asks for.
    Allow,
    /// It may not.
    Deny,
}

/// What has to happen next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NextStep {
    /// A sign-in, also where the browser is signed in to another account.
    SignIn,
    /// Another authentication of the login, of at least this strength.
    Reauthenticate(Option<AssuranceLevel>),
    /// The question for consent.
    AskConsent,
    /// The response with a code.
    IssueCode,
}

/// What a decision is based on.
pub(super) struct Situation<'a> {
    pub(super) request: &'a AuthorizationRequest,
    pub(super) progress: &'a FlowProgress,
    pub(super) party: &'a RelyingParty,
    /// Whether the OAuth client authenticates itself.
    pub(super) is_confidential: bool,
    /// The login of the browser, and its account.
    pub(super) login: &'a Login,
    pub(super) user: UserId,
    /// Scopes that were consented to before.
    pub(super) consented: &'a Scopes,
    pub(super) decision: Option<ConsentDecision>,
    pub(super) now: OffsetDateTime,
}

/// The step that a request needs where the browser is signed in. With `prompt=none`, a step that needs interaction is an error.
pub(super) fn next_step(situation: &Situation<'_>) -> Result<NextStep, AuthorizationError> {
    let request = situation.request;
    let (step, error) = match () {
        () if request
            .expected_user
            .is_some_and(|user| user != situation.user) =>
        {
            (NextStep::SignIn, AuthorizationError::LOGIN_REQUIRED)
        }
        () if situation.is_too_old() => (
            NextStep::Reauthenticate(request.min_level),
            AuthorizationError::LOGIN_REQUIRED,
        ),
        () if situation.login.factors.level() < request.min_level => (
            NextStep::Reauthenticate(request.min_level),
            AuthorizationError::UNMET_REQUIREMENTS,
        ),
        () if situation.is_denied() => return Err(AuthorizationError::ACCESS_DENIED),
        () if situation.needs_consent() => {
            (NextStep::AskConsent, AuthorizationError::CONSENT_REQUIRED)
        }
        () => return Ok(NextStep::IssueCode),
    };
    if request.prompt == Prompt::None {
        Err(error)
    } else {
        Ok(step)
    }
}

impl Situation<'_> {
    /// Whether the login was authenticated since the browser brought the request.
    fn is_fresh(&self) -> bool {
        let is_another = self.progress.before != Some(Authentication::of(self.login));
        is_another && self.login.authenticated_at + LEEWAY >= self.progress.started_at
    }

    /// Whether another authentication is required (OpenID Connect Core 1.0 §3.1.2.1).
    fn is_too_old(&self) -> bool {
        if self.is_fresh() {
            return false;
        }
        let age = self.now - self.login.authenticated_at;
        let max_age = self.request.max_age;
        self.request.prompt.interactions().login || max_age.is_some_and(|max_age| age > max_age)
    }

    /// The decision, if it is that of this login.
    fn decision(&self) -> Option<ConsentDecision> {
        self.decision
            .filter(|_| self.progress.asked == Some(self.login.sid))
    }

    fn is_denied(&self) -> bool {
        self.decision() == Some(ConsentDecision::Deny)
    }

    /// Whether any program on the person's device could have sent the request and receive the response: nothing tells the OAuth client from
    /// others (RFC 8252 §8.6).
    fn may_be_another_program(&self) -> bool {
        !self.is_confidential && !self.request.redirect_uri.starts_with("https://")
    }

    fn needs_consent(&self) -> bool {
        if self.decision() == Some(ConsentDecision::Allow) {
            return false;
        }
        let interactions = self.request.prompt.interactions();
        let is_new = !self.request.scopes.is_within(self.consented);
        interactions.consent
            || self.may_be_another_program()
            || (interactions.select_account && !self.is_fresh())
            || (is_new && !self.party.is_first_party)
    }
}

#[cfg(test)]
mod tests;
