//! Sign-in with a username and a password.

use time::OffsetDateTime;

use crate::{
    account::{Account, Password, User, Username},
    authentication::{
        AuthenticationService, KnownLocations, Throttled, verify_password::PasswordCheckError,
    },
    error::{Fault, StoreError, fault_from},
    id::{Sid, UserId},
    login::{ClientInfo, ClientKind, Generation, NewLogin, SignInForm},
    token::{HandleKind, RefreshHandle},
};

/// `amr` of an authentication by password alone (RFC 8176).
const PASSWORD: &[&str] = &["pwd"];

/// An attempt to sign in.
#[derive(Debug)]
pub struct LoginAttempt {
    /// The username as it was typed.
    pub username: String,
    /// The password as it was typed.
    pub password: Password,
    /// The source of the request.
    pub client: ClientInfo,
    /// The sign-in form of web-service that was sent, if any.
    pub form: Option<SignInForm>,
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
    /// Authentication methods (RFC 8176).
    pub amr: &'static [&'static str],
    /// The epoch of the store that the login belongs to.
    pub epoch: String,
    /// Expiry of the login, however often it is refreshed.
    pub expires_at: OffsetDateTime,
    /// The login ticket (`hft_…`), valid for [`TICKET_TTL`](crate::login::TICKET_TTL).
    pub ticket: String,
    /// Older logins that ended because the account had too many.
    pub ended: Vec<Sid>,
    /// Whether an earlier submission of the same form started the login.
    pub is_repeated: bool,
}

/// Why a sign-in failed.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The username is unknown, the password wrong, or the account disabled; the caller does not learn which. The account, if
    /// there is one, is for the audit trail only.
    #[error("the username or the password is wrong")]
    InvalidCredentials(Option<UserId>),
    /// A rate limit refuses further attempts for now. The account, if there is one, is for the audit trail only.
    #[error("{0}")]
    Throttled(Throttled, Option<UserId>),
    /// The service failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

fault_from!(SignInError: StoreError);

impl AuthenticationService {
    /// Finds the account, verifies the password, and starts a login.
    pub async fn sign_in(&self, attempt: LoginAttempt) -> Result<SignedIn, SignInError> {
        let account = self.find_account(&attempt.username).await?;
        let id = account.as_ref().map(|account| account.user.id);
        let (name, client) = (&attempt.username, &attempt.client);
        let keys = self.sign_in_keys(name, account.as_ref(), client).await?;
        let is_right = self.verify_password(&keys, account.as_ref(), &attempt.password);
        let is_right = is_right.await.map_err(|error| match error {
            PasswordCheckError::Throttled(throttled) => SignInError::Throttled(throttled, id),
            PasswordCheckError::Fault(fault) => SignInError::Fault(fault),
        })?;
        match account.filter(|_| is_right) {
            Some(account) => {
                self.update_hash(&account, &attempt.password).await;
                match attempt.form {
                    Some(form) => self.start_form_login(account, attempt.client, form).await,
                    None => self.start_login(account, attempt.client).await,
                }
            }
            None => Err(SignInError::InvalidCredentials(id)),
        }
    }

    /// Replaces a hash that was made with weaker parameters than the configured ones. A failure is ignored: the next sign-in tries
    /// again.
    async fn update_hash(&self, account: &Account, password: &Password) {
        if !self.deps.hasher.is_outdated(&account.password_hash) {
            return;
        }
        let Ok(hash) = self.deps.hasher.hash(password).await else {
            return;
        };
        let (id, version) = (account.user.id, account.password_version);
        let store = &self.deps.store;
        let _ = store.replace_password_hash(id, version, &hash).await;
    }

    /// Starts a login of `account`, whose owner has just authenticated.
    pub(super) async fn start_login(
        &self,
        account: Account,
        client: ClientInfo,
    ) -> Result<SignedIn, SignInError> {
        let sid = Sid::random(&*self.deps.random);
        let started = self.start_login_as(sid, &account, client).await?;
        started.ok_or(SignInError::InvalidCredentials(Some(account.user.id)))
    }

    /// Starts the login of a form, or returns the one that an earlier submission started: a browser that sends the form twice
    /// reads only the second answer.
    async fn start_form_login(
        &self,
        account: Account,
        client: ClientInfo,
        form: SignInForm,
    ) -> Result<SignedIn, SignInError> {
        let sid = form.sid(&*self.deps.keyed_hasher, account.user.id);
        if let Some(started) = self.start_login_as(sid, &account, client.clone()).await? {
            return Ok(started);
        }
        match self.recent_form_login(sid).await? {
            Some(started) => Ok(started),
            // That login has ended, or its ticket has expired.
            None => self.start_login(account, client).await,
        }
    }

    /// Returns the login that the same form started, while its ticket is valid.
    async fn recent_form_login(&self, sid: Sid) -> Result<Option<SignedIn>, StoreError> {
        let now = self.deps.clock.now();
        let found = self.deps.store.login(sid).await?;
        let found = found.filter(|(login, _)| {
            let is_browser = login.kind == ClientKind::Browser;
            is_browser && login.is_live(now) && login.accepts_ticket(now)
        });
        Ok(found.map(|(login, user)| SignedIn {
            user,
            sid,
            client_kind: login.kind,
            authenticated_at: login.authenticated_at,
            amr: PASSWORD,
            epoch: self.deps.revocations.epoch().id.clone(),
            expires_at: login.expires_at,
            ticket: self.ticket(sid),
            ended: Vec::new(),
            is_repeated: true,
        }))
    }

    /// Starts the login with this identifier. `None` if the account may not sign in any more, or the identifier is in use.
    async fn start_login_as(
        &self,
        sid: Sid,
        account: &Account,
        client: ClientInfo,
    ) -> Result<Option<SignedIn>, StoreError> {
        let (user, now) = (&account.user, self.deps.clock.now());
        let login = NewLogin {
            sid,
            user_id: user.id,
            password_version: account.password_version,
            known_locations: KnownLocations::of(&*self.deps.keyed_hasher, user.id, &client),
            client,
            amr: PASSWORD,
            created_at: now,
            expires_at: now + self.policy.login_ttl,
        };
        let Some(ended) = self.deps.store.insert_login(&login).await? else {
            return Ok(None);
        };
        if !ended.is_empty() {
            self.deps.revocations.catch_up().await;
        }
        Ok(Some(SignedIn {
            user: user.clone(),
            sid,
            client_kind: login.client.kind,
            authenticated_at: now,
            amr: PASSWORD,
            epoch: self.deps.revocations.epoch().id.clone(),
            expires_at: login.expires_at,
            ticket: self.ticket(sid),
            ended,
            is_repeated: false,
        }))
    }

    fn ticket(&self, sid: Sid) -> String {
        self.deps.refresh_tokens.encode(RefreshHandle {
            kind: HandleKind::LoginTicket,
            sid,
            generation: Generation::TICKET,
        })
    }

    async fn find_account(&self, username: &str) -> Result<Option<Account>, StoreError> {
        match username.parse::<Username>() {
            Ok(username) => self.deps.store.account_by_name(&username).await,
            Err(_) => Ok(None),
        }
    }
}
