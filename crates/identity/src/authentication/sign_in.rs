//! Verification of username and password, and the start of a login.

use time::OffsetDateTime;

use crate::{
    account::{Account, AuthenticationVersion, Password, User, Username},
    audit::{AuditKind, AuditSubject},
    authentication::{
        AuthenticationService, Factors, IssuedTrust, KnownLocations, Throttled,
        verify_password::PasswordCheckError,
    },
    call_context::CallContext,
    error::{Fault, StoreError, fault_from},
    id::{Sid, UserId},
    login::{ClientKind, Login, NewLogin, SignInForm},
    token::RefreshHandle,
};

/// The first step of a sign-in, by username and password.
pub(super) struct PasswordSignIn {
    /// The username as it was typed.
    pub(super) username: String,
    /// The password as it was typed.
    pub(super) password: Password,
}

/// An account whose owner has authenticated completely.
pub(super) struct Authenticated {
    /// The account.
    pub(super) user: User,
    /// The version of the credentials that were verified.
    pub(super) version: AuthenticationVersion,
    /// The factors that were verified.
    pub(super) factors: Factors,
}

impl Authenticated {
    /// The account, by these factors.
    pub(super) fn by(factors: Factors, account: Account) -> Self {
        Self {
            user: account.user,
            version: account.authentication_version,
            factors,
        }
    }
}

/// A login that was started.
#[derive(Debug)]
pub struct SignedIn {
    /// The account that signed in.
    pub user: User,
    /// Identifier of the login.
    pub sid: Sid,
    /// Who keeps its tokens: web-service for a browser, or the program itself.
    pub client_kind: ClientKind,
    /// Time of the authentication, UTC.
    pub authenticated_at: OffsetDateTime,
    /// The factors that were verified.
    pub factors: Factors,
    /// The epoch of the store that the login belongs to.
    pub epoch: String,
    /// Expiry of the login, however often it is refreshed.
    pub expires_at: OffsetDateTime,
    /// The login ticket (`hft_…`), valid for [`TICKET_TTL`](crate::login::TICKET_TTL).
    pub ticket: String,
    /// The token of a browser that is trusted from now on; `None` if it is not.
    pub trust: Option<IssuedTrust>,
}

/// Why a sign-in failed.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The username is unknown, the password wrong, or the account disabled; the caller does not learn which.
    #[error("the username or the password is wrong")]
    InvalidCredentials,
    /// In place of a password: the username is unknown, the recovery code wrong or used before, the account disabled, or one with a password;
    /// the caller does not learn which.
    #[error("the username or the recovery code is wrong, or the code was used before")]
    WrongRecoveryCode,
    /// A one-time code, recovery code or passkey is wrong or was used before, or the account was disabled or its credentials changed since the step
    /// before; the caller does not learn which.
    #[error("the code or passkey is wrong, or was used before")]
    WrongFactor,
    /// A rate limit refuses further attempts for now.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// The service failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

fault_from!(SignInError: StoreError);

impl From<PasswordCheckError> for SignInError {
    fn from(error: PasswordCheckError) -> Self {
        match error {
            PasswordCheckError::Throttled(throttled) => Self::Throttled(throttled),
            PasswordCheckError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl SignInError {
    /// The kind of the audit event of this error, if it has one.
    const fn audit_kind(&self) -> Option<AuditKind> {
        match self {
            Self::InvalidCredentials | Self::WrongRecoveryCode => Some(AuditKind::SignInRefused),
            Self::Throttled(throttled) if throttled.is_first => Some(AuditKind::SignInThrottled),
            Self::Fault(Fault::Overloaded { .. }) => Some(AuditKind::SignInOverloaded),
            // Recorded where the code was verified.
            Self::WrongFactor | Self::Throttled(_) | Self::Fault(_) => None,
        }
    }
}

impl AuthenticationService {
    /// Returns the account whose password was presented. A refusal is recorded.
    pub(super) async fn verify_sign_in(
        &self,
        attempt: &PasswordSignIn,
        context: &CallContext,
    ) -> Result<Account, SignInError> {
        let account = self.find_account(&attempt.username).await?;
        let id = account.as_ref().map(|account| account.user.id);
        let result = self.verify_account(account, attempt, context).await;
        if let Err(error) = &result {
            self.record_refusal(error, id, context);
        }
        result
    }

    async fn verify_account(
        &self,
        account: Option<Account>,
        attempt: &PasswordSignIn,
        context: &CallContext,
    ) -> Result<Account, SignInError> {
        let (name, client) = (&attempt.username, &context.client);
        let keys = self.sign_in_keys(name, account.as_ref(), client).await?;
        let is_right = self
            .verify_password(&keys, account.as_ref(), &attempt.password)
            .await?;
        let account = account.filter(|_| is_right);
        let account = account.ok_or(SignInError::InvalidCredentials)?;
        self.update_hash(&account, &attempt.password).await;
        Ok(account)
    }

    /// Starts the login of an account that was verified. Its credentials may have changed meanwhile, which is recorded as a refusal.
    pub(super) async fn start_verified(
        &self,
        account: Authenticated,
        form: Option<SignInForm>,
        context: &CallContext,
    ) -> Result<SignedIn, SignInError> {
        let id = account.user.id;
        let result = if let Some(form) = form {
            self.start_form_login(&account, form, context).await
        } else {
            let kind = Some(AuditKind::SignedIn);
            self.start_login(&account, kind, context).await
        };
        if let Err(error) = &result {
            self.record_refusal(error, Some(id), context);
        }
        result
    }

    pub(super) fn record_refusal(
        &self,
        error: &SignInError,
        id: Option<UserId>,
        context: &CallContext,
    ) {
        let Some(kind) = error.audit_kind() else {
            return;
        };
        let subject = match kind {
            AuditKind::SignInOverloaded => AuditSubject::default(),
            _ => AuditSubject::attempted(id),
        };
        self.deps.audit.record(context, kind, subject);
    }

    /// Replaces a hash that was made with weaker parameters than the configured ones. A failure is ignored: the next sign-in tries
    /// again.
    async fn update_hash(&self, account: &Account, password: &Password) {
        let hasher = &self.deps.hasher;
        let is_outdated = |hash| hasher.is_outdated(hash);
        if !account.password_hash.as_ref().is_some_and(is_outdated) {
            return;
        }
        let Ok(hash) = self.deps.hasher.hash(password).await else {
            return;
        };
        let (id, version) = (account.user.id, account.authentication_version);
        let store = &self.deps.store;
        let _ = store.replace_password_hash(id, version, &hash).await;
    }

    /// Starts a login of `account`, whose owner has just authenticated, and records `kind` for it, if given.
    pub(super) async fn start_login(
        &self,
        account: &Authenticated,
        kind: Option<AuditKind>,
        context: &CallContext,
    ) -> Result<SignedIn, SignInError> {
        let sid = Sid::random(&*self.deps.random);
        let started = self.start_login_as(sid, account, kind, context).await?;
        started.ok_or(SignInError::InvalidCredentials)
    }

    /// Starts the login of a form, or returns the one that an earlier submission started.
    async fn start_form_login(
        &self,
        account: &Authenticated,
        form: SignInForm,
        context: &CallContext,
    ) -> Result<SignedIn, SignInError> {
        let sid = form.sid(&*self.deps.keyed_hasher, account.user.id);
        if let Some(signed_in) = self.start_login_once(sid, account, context).await? {
            return Ok(signed_in);
        }
        // That login has ended, or its ticket has expired.
        let kind = Some(AuditKind::SignedIn);
        self.start_login(account, kind, context).await
    }

    /// Starts the login with this identifier. If a browser started it while its ticket is valid, returns it: a browser that sends a form
    /// twice reads only the second answer. `None`: it was started before otherwise.
    pub(super) async fn start_login_once(
        &self,
        sid: Sid,
        account: &Authenticated,
        context: &CallContext,
    ) -> Result<Option<SignedIn>, SignInError> {
        let kind = Some(AuditKind::SignedIn);
        let started = self.start_login_as(sid, account, kind, context).await?;
        if started.is_some() {
            return Ok(started);
        }
        let found = self.deps.store.login(sid).await?;
        let (login, user) = found.ok_or(SignInError::InvalidCredentials)?;
        Ok(self.repeated(login, user))
    }

    /// The login that a browser started with the same step before, while its ticket is valid.
    pub(super) fn repeated(&self, login: Login, user: User) -> Option<SignedIn> {
        let now = self.deps.clock.now();
        let is_repeatable =
            login.kind == ClientKind::Browser && login.is_live(now) && login.accepts_ticket(now);
        is_repeatable.then(|| self.signed_in(user, login))
    }

    /// Starts the login with this identifier. `None` if the account may not sign in any more, or the identifier is in use.
    async fn start_login_as(
        &self,
        sid: Sid,
        account: &Authenticated,
        kind: Option<AuditKind>,
        context: &CallContext,
    ) -> Result<Option<SignedIn>, StoreError> {
        let (user, now) = (&account.user, self.deps.clock.now());
        let client = context.client.clone();
        let event = |kind| {
            let subject = AuditSubject::login(user.id, sid);
            self.deps.audit.event(context, kind, subject)
        };
        let login = NewLogin {
            sid,
            user_id: user.id,
            authentication_version: account.version,
            known_locations: KnownLocations::of(&*self.deps.keyed_hasher, user.id, &client),
            client,
            factors: account.factors.clone(),
            created_at: now,
            expires_at: now + self.policy.login_ttl,
            events: kind.map(event).into_iter().collect(),
            surplus_event: event(AuditKind::SurplusEnded),
        };
        let Some(ended) = self.deps.store.insert_login(&login).await? else {
            return Ok(None);
        };
        self.deps.audit.committed(true, &login.events);
        self.deps
            .audit
            .committed(true, &login.surplus_events(&ended));
        if !ended.is_empty() {
            self.deps.revocations.catch_up().await;
        }
        Ok(Some(self.signed_in(user.clone(), login.started())))
    }

    /// The login with a ticket for its first tokens.
    fn signed_in(&self, user: User, login: Login) -> SignedIn {
        let handle = RefreshHandle::LoginTicket(login.sid);
        SignedIn {
            user,
            sid: login.sid,
            client_kind: login.kind,
            authenticated_at: login.authenticated_at,
            factors: login.factors,
            epoch: self.deps.revocations.epoch().id.clone(),
            expires_at: login.expires_at,
            ticket: self.deps.refresh_tokens.encode(handle),
            trust: None,
        }
    }

    pub(super) async fn find_account(&self, username: &str) -> Result<Option<Account>, StoreError> {
        match username.parse::<Username>() {
            Ok(username) => self.deps.store.account_by_name(&username).await,
            Err(_) => Ok(None),
        }
    }
}
