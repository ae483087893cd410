//! Signing in with a name and a password.

use time::OffsetDateTime;

use crate::{
    account::{Account, Password, User, Username},
    authentication::{KnownLocations, PasswordCheckError, Throttled},
    error::Fault,
    id::{Sid, UserId},
    login::{ClientInfo, ClientKind, Generation, NewLogin, SignInForm},
    service::IdentityService,
    store::StoreError,
    token::{HandleKind, RefreshHandle},
};

/// `amr` of who proved a password and nothing else.
const PASSWORD: &[&str] = &["pwd"];

/// Somebody who wants to sign in.
#[derive(Debug)]
pub struct LoginAttempt {
    /// The name as typed.
    pub username: String,
    /// The password as typed, when it is one at all.
    pub password: Password,
    /// Where from.
    pub client: ClientInfo,
    /// The form that it was typed into, where that is known.
    pub form: Option<SignInForm>,
}

/// A login that just began.
#[derive(Debug)]
pub struct SignedIn {
    /// Who it is.
    pub user: User,
    /// The login.
    pub sid: Sid,
    /// What kind of client the login counts as.
    pub client_kind: ClientKind,
    /// When the person proved who they are.
    pub authenticated_at: OffsetDateTime,
    /// How they proved it (RFC 8176).
    pub amr: &'static [&'static str],
    /// The history of the store that the login is part of.
    pub epoch: String,
    /// When the login ends at the latest.
    pub expires_at: OffsetDateTime,
    /// For one exchange.
    pub ticket: String,
    /// Which older logins of the person ended, as these are too many.
    pub ended: Vec<Sid>,
    /// Whether the same form began it a moment ago.
    pub is_repeated: bool,
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Unknown name, wrong password or disabled account; never told which. The account, if there is one, is for the audit
    /// trail alone.
    #[error("the username or the password is wrong")]
    InvalidCredentials(Option<UserId>),
    /// Too many were wrong. The account, if there is one, is for the audit trail alone.
    #[error("{0}")]
    Throttled(Throttled, Option<UserId>),
    /// It could not be done now.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for SignInError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

impl IdentityService {
    /// Finds the account, checks the password, then decides.
    pub async fn login(&self, attempt: LoginAttempt) -> Result<SignedIn, SignInError> {
        let account = self.find_account(&attempt.username).await?;
        let known = account.as_ref().map(|account| account.user.id);
        let (name, client) = (&attempt.username, &attempt.client);
        let guess = self
            .guess_to_sign_in(name, account.as_ref(), client)
            .await?;
        let is_right = self.check_password(&guess, account.as_ref(), &attempt.password);
        let is_right = is_right.await.map_err(|not_checked| match not_checked {
            PasswordCheckError::Throttled(throttled) => SignInError::Throttled(throttled, known),
            PasswordCheckError::Fault(fault) => SignInError::Fault(fault),
        })?;
        match account.filter(|_| is_right) {
            Some(account) => {
                self.rehash(&account, &attempt.password).await;
                match attempt.form {
                    Some(form) => self.begin_once(account, attempt.client, form).await,
                    None => self.begin_login(account, attempt.client).await,
                }
            }
            None => Err(SignInError::InvalidCredentials(known)),
        }
    }

    /// Hashes the password anew where a hash costs more today than when it was set. It may fail: the next sign-in tries again.
    async fn rehash(&self, account: &Account, password: &Password) {
        if !self.deps.hasher.is_outdated(&account.password_hash) {
            return;
        }
        let Ok(hash) = self.deps.hasher.hash(password).await else {
            return;
        };
        let (store, user) = (&self.deps.store, account.user.id);
        let _ = store.rehash(user, account.password_version, &hash).await;
    }

    /// Starts a login for somebody who has just proved to own `account`.
    pub(crate) async fn begin_login(
        &self,
        account: Account,
        client: ClientInfo,
    ) -> Result<SignedIn, SignInError> {
        let sid = Sid::random(&*self.deps.random);
        let begun = self.begin_as(sid, &account, client).await?;
        begun.ok_or(SignInError::InvalidCredentials(Some(account.user.id)))
    }

    /// The same with a form, which begins one login however often it is sent: a person who presses the button twice gets the
    /// second answer, and holds nothing of the first.
    async fn begin_once(
        &self,
        account: Account,
        client: ClientInfo,
        form: SignInForm,
    ) -> Result<SignedIn, SignInError> {
        let sid = form.sid(&*self.deps.keyed_hasher, account.user.id);
        if let Some(begun) = self.begin_as(sid, &account, client.clone()).await? {
            return Ok(begun);
        }
        match self.begun_lately(sid).await? {
            Some(begun) => Ok(begun),
            // That one is over, or this is no second press of a button.
            None => self.begin_login(account, client).await,
        }
    }

    /// The login that the same form began, as long as its ticket is good.
    async fn begun_lately(&self, sid: Sid) -> Result<Option<SignedIn>, StoreError> {
        let now = self.deps.clock.now();
        let found = self.deps.store.login(sid).await?;
        let found = found.filter(|(login, _)| {
            let is_browser = login.kind == ClientKind::Browser;
            is_browser && login.is_live(now) && login.takes_ticket(now)
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

    /// Starts the login with this identifier. `None`: the account may not begin one any more, or there is such a login.
    async fn begin_as(
        &self,
        sid: Sid,
        account: &Account,
        client: ClientInfo,
    ) -> Result<Option<SignedIn>, StoreError> {
        let now = self.deps.clock.now();
        let login = NewLogin {
            sid,
            user_id: account.user.id,
            password_version: account.password_version,
            places: KnownLocations::of(&*self.deps.keyed_hasher, account.user.id, &client),
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
            user: account.user.clone(),
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
        self.deps.credentials.seal(RefreshHandle {
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
