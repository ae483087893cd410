//! A running service, its clients, and a clock to move.

mod assert;
mod pki;

use std::{net::SocketAddr, num::NonZero, path::Path, sync::Arc};

use auth_proto::v1::{
    ChangePasswordRequest, Client, ClientKind, CreateUserRequest, IssueTokenRequest,
    IssueTokenResponse, LoginRequest, LoginResponse, User, ValidateTokenRequest,
    account_service_client::AccountServiceClient, admin_service_client::AdminServiceClient,
    auth_service_client::AuthServiceClient, issue_token_request::Grant,
};
use auth_service::{
    app::App,
    config::{HashingConfig, ServeConfig},
};
pub(crate) use holdfast_core::clock::ManualClock;
use holdfast_crypto::{
    argon2id::{Argon2id, Cost},
    random::SystemRandom,
};
use holdfast_identity::{account::Accounts, key::Algorithm, oauth::Dpop, service::Policy};
use holdfast_store_sqlite::SqliteStore;
use secrecy::SecretBox;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::{
    Request, Status,
    metadata::MetadataValue,
    transport::{Channel, Endpoint},
};

pub(crate) use self::{
    assert::assert_refused,
    pki::{Pki, port_files},
};

pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const SERVICE_SECRET: &str = "a service secret of good length!!";

/// A running service with its own database.
pub(crate) struct TestService {
    pub(crate) address: SocketAddr,
    pub(crate) clock: ManualClock,
    pub(crate) directory: Arc<TempDir>,
    pub(crate) channel: Channel,
    accounts: Accounts,
    shutdown: CancellationToken,
    running: JoinHandle<anyhow::Result<()>>,
}

pub(crate) fn config(directory: &Path) -> ServeConfig {
    let cost = Cost {
        memory: 64,
        iterations: 1,
        parallelism: 1,
    };
    ServeConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        ops_listen: "127.0.0.1:0".parse().unwrap(),
        database: directory.join("auth.db"),
        redis: None,
        policy: Policy {
            issuer: ISSUER.to_owned(),
            audiences: vec![
                "https://api.example".to_owned(),
                "https://other.example".to_owned(),
            ],
            access_ttl: minutes(15),
            refresh_ttl: minutes(60 * 24 * 30),
            login_ttl: minutes(60 * 24 * 90),
            step_up_max_age: minutes(5),
            dpop: Dpop::Allow,
        },
        signing_algorithm: Algorithm::EdDsa,
        key_max_age: std::time::Duration::from_hours(90 * 24),
        audit_retention: std::time::Duration::from_hours(365 * 24),
        key_encryption_key: SecretBox::new(Box::new([1; 32])),
        service_secret: Some(SERVICE_SECRET.to_owned().into()),
        tls: None,
        hashing: HashingConfig {
            params: cost.params().unwrap(),
            threads: NonZero::new(2).unwrap(),
        },
        max_connections: 64,
        reflection: true,
    }
}

/// How often a race is run: a few times, or two hundred where `cargo xtask test --long` asks for it.
pub(crate) fn rounds(short: usize) -> usize {
    if std::env::var_os("HOLDFAST_TEST_LONG").is_some() {
        200
    } else {
        short
    }
}

pub(crate) const fn minutes(minutes: u64) -> std::time::Duration {
    std::time::Duration::from_secs(minutes * 60)
}

pub(crate) const fn seconds(seconds: u64) -> std::time::Duration {
    std::time::Duration::from_secs(seconds)
}

impl TestService {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    pub(crate) async fn start_with(adjust: impl FnOnce(&mut ServeConfig)) -> Self {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        Self::start_in(directory, ManualClock::default(), adjust).await
    }

    /// A service on a directory that may hold an earlier one's database.
    pub(crate) async fn start_in(
        directory: Arc<TempDir>,
        clock: ManualClock,
        adjust: impl FnOnce(&mut ServeConfig),
    ) -> Self {
        let mut config = config(directory.path());
        adjust(&mut config);
        let (database, hashing) = (config.database.clone(), config.hashing.clone());
        let app = App::build(config, Arc::new(clock.clone())).await.unwrap();
        let address = app.address().unwrap();
        let shutdown = CancellationToken::new();
        let random = Arc::new(SystemRandom);
        let store = SqliteStore::open(&database).await.unwrap();
        let feed = auth_service::app::open_feed(&store, Arc::new(clock.clone())).await;
        let accounts = Accounts::new(
            Arc::new(store),
            Arc::new(feed.unwrap()),
            Arc::new(Argon2id::start(hashing.params, NonZero::<u32>::MIN, random.clone()).unwrap()),
            Arc::new(clock.clone()),
            random,
        );
        Self {
            address,
            clock,
            directory,
            channel: Endpoint::from_shared(format!("http://{address}"))
                .unwrap()
                .connect_lazy(),
            accounts,
            running: tokio::spawn(app.run(shutdown.clone())),
            shutdown,
        }
    }

    /// Stops the service, and does something with what it leaves.
    pub(crate) async fn stop_and(self, act: impl AsyncFnOnce(&Path)) {
        self.shutdown.cancel();
        drop(self.channel);
        self.running.await.unwrap().unwrap();
        act(self.directory.path()).await;
    }

    /// Stops the service as SIGTERM does, and starts it again on the same database.
    pub(crate) async fn restart(self) -> Self {
        self.shutdown.cancel();
        drop(self.channel);
        self.running.await.unwrap().unwrap();
        Self::start_in(self.directory, self.clock, |_| ()).await
    }

    /// An account, made as the command line makes it.
    pub(crate) async fn add_user(
        &self,
        name: &str,
        admin: bool,
    ) -> holdfast_identity::account::User {
        let accounts = &self.accounts;
        accounts
            .create(name.parse().unwrap(), PASSWORD, admin)
            .await
            .unwrap()
    }

    pub(crate) fn auth(&self) -> AuthServiceClient<Channel> {
        AuthServiceClient::new(self.channel.clone())
    }

    pub(crate) fn account(&self) -> AccountServiceClient<Channel> {
        AccountServiceClient::new(self.channel.clone())
    }

    pub(crate) fn admin(&self) -> AdminServiceClient<Channel> {
        AdminServiceClient::new(self.channel.clone())
    }

    pub(crate) async fn login(&self, name: &str) -> LoginResponse {
        self.try_login(name, PASSWORD).await.unwrap()
    }

    pub(crate) async fn try_login(
        &self,
        name: &str,
        password: &str,
    ) -> Result<LoginResponse, Status> {
        let request = LoginRequest {
            username: name.to_owned(),
            password: password.to_owned(),
            client: None,
        };
        Ok(self.auth().login(request).await?.into_inner())
    }

    /// Signs in and exchanges the ticket.
    pub(crate) async fn tokens(&self, name: &str, scope: &str) -> IssueTokenResponse {
        let ticket = self.login(name).await.login_ticket;
        self.try_exchange(&ticket, scope).await.unwrap()
    }

    pub(crate) async fn try_exchange(
        &self,
        ticket: &str,
        scope: &str,
    ) -> Result<IssueTokenResponse, Status> {
        self.try_issue(with_ticket(ticket, scope)).await
    }

    pub(crate) async fn try_refresh(&self, token: &str) -> Result<IssueTokenResponse, Status> {
        self.try_issue(with_refresh(token)).await
    }

    pub(crate) async fn try_issue(
        &self,
        request: impl tonic::IntoRequest<IssueTokenRequest>,
    ) -> Result<IssueTokenResponse, Status> {
        Ok(self.auth().issue_token(request).await?.into_inner())
    }

    pub(crate) async fn try_validate(
        &self,
        token: &str,
    ) -> Result<auth_proto::v1::AccessTokenClaims, Status> {
        let request = ValidateTokenRequest {
            access_token: token.to_owned(),
            ..Default::default()
        };
        let response = self.auth().validate_token(request).await?;
        Ok(response.into_inner().claims.unwrap())
    }

    /// Gives the number by which it is told.
    pub(crate) async fn revoke(&self, token: &str) -> i64 {
        let request = auth_proto::v1::RevokeTokenRequest {
            token: token.to_owned(),
            ..Default::default()
        };
        let revoked = self.auth().revoke_token(request).await.unwrap();
        revoked.into_inner().revocation_sequence
    }

    /// Begins and ends this many logins of Ada's in the store, as another instance would.
    pub(crate) async fn end_many(&self, count: u32) {
        self.do_to_database(format!(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}) \
             INSERT INTO revocations (kind, subject, expires_at) \
             SELECT 'sid', printf('00000000-0000-4000-8000-%012d', n), 9000000000000 FROM numbers"
        ))
        .await;
    }

    /// What another process does.
    pub(crate) async fn do_to_database(&self, sql: String) {
        do_to_database(self.directory.path(), sql).await;
    }

    /// An admin's access token; makes the admin.
    pub(crate) async fn admin_token(&self) -> String {
        self.add_user("root", true).await;
        self.tokens("root", "admin account").await.access_token
    }

    pub(crate) async fn create_user(
        &self,
        admin_token: &str,
        name: &str,
        password: &str,
    ) -> Result<User, Status> {
        let request = CreateUserRequest {
            username: name.to_owned(),
            password: password.to_owned(),
            admin: false,
        };
        let response = self
            .admin()
            .create_user(bearer(request, admin_token))
            .await?;
        Ok(response.into_inner().user.unwrap())
    }
}

/// What another process does to the database in a directory.
pub(crate) async fn do_to_database(directory: &Path, sql: String) {
    let options = SqliteConnectOptions::new().filename(directory.join("auth.db"));
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let script = sqlx::raw_sql(sqlx::AssertSqlSafe(sql));
    script.execute(&mut connection).await.unwrap();
}

pub(crate) fn with_ticket(ticket: &str, scope: &str) -> IssueTokenRequest {
    IssueTokenRequest {
        grant: Some(Grant::LoginTicket(ticket.to_owned())),
        scope: scope.to_owned(),
        ..Default::default()
    }
}

pub(crate) fn with_refresh(token: &str) -> IssueTokenRequest {
    IssueTokenRequest {
        grant: Some(Grant::RefreshToken(token.to_owned())),
        ..Default::default()
    }
}

pub(crate) fn change_password(current: &str, new: &str) -> ChangePasswordRequest {
    ChangePasswordRequest {
        current_password: current.to_owned(),
        new_password: new.to_owned(),
        client: None,
    }
}

/// The same request, for a browser.
pub(crate) fn for_browser_use(request: IssueTokenRequest) -> IssueTokenRequest {
    IssueTokenRequest {
        client: Some(for_browser()),
        ..request
    }
}

/// What web-service sends when Ada signs in with a browser.
pub(crate) fn browser_login() -> LoginRequest {
    LoginRequest {
        username: "ada".to_owned(),
        password: PASSWORD.to_owned(),
        client: Some(for_browser()),
    }
}

/// Web-service speaks for a browser.
fn for_browser() -> Client {
    Client {
        kind: ClientKind::Browser.into(),
        ..Default::default()
    }
}

/// The request on behalf of the person whose token this is.
pub(crate) fn bearer<T>(message: T, token: &str) -> Request<T> {
    with_metadata(message, "authorization", &format!("Bearer {token}"))
}

/// The request with web-service's own identity.
pub(crate) fn from_web_service<T>(message: T) -> Request<T> {
    with_metadata(message, "holdfast-service-secret", SERVICE_SECRET)
}

pub(crate) fn with_metadata<T>(message: T, name: &'static str, value: &str) -> Request<T> {
    let mut request = Request::new(message);
    let value: MetadataValue<_> = value.parse().unwrap();
    request.metadata_mut().insert(name, value);
    request
}

/// Asks again and again until `condition` gives a value: what another process wrote arrives within a moment.
pub(crate) async fn until<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..500 {
        if let Some(value) = condition().await {
            return value;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("waited too long for {what}");
}
