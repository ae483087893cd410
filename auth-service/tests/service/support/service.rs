//! A running auth-service with its own database and a clock that the test controls.

use std::{net::SocketAddr, path::Path, sync::Arc};

use auth_proto::v1::{
    account_service_client::AccountServiceClient, admin_service_client::AdminServiceClient,
    auth_service_client::AuthServiceClient,
};
use auth_service::{app::App, config::ServeConfig};
use holdfast_core::clock::ManualClock;
use holdfast_identity::{
    account::{Accounts, User},
    call_context::CallContext,
    store::Store,
};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};

use super::{PASSWORD, config, database, database::create_database};

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

impl TestService {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// A service with one account.
    pub(crate) async fn with_user(name: &str) -> Self {
        let service = Self::start().await;
        service.add_user(name, false).await;
        service
    }

    pub(crate) async fn start_with(adjust: impl FnOnce(&mut ServeConfig)) -> Self {
        Self::start_in(directory(), ManualClock::default(), adjust).await
    }

    /// A service on a directory that may contain the database of an earlier one.
    pub(crate) async fn start_in(
        directory: Arc<TempDir>,
        clock: ManualClock,
        adjust: impl FnOnce(&mut ServeConfig),
    ) -> Self {
        create_database(directory.path()).await;
        let mut config = config(directory.path());
        adjust(&mut config);
        let (database, hashing) = (config.database.clone(), config.hashing);
        let second_factor = config.policy.second_factor;
        let app = App::build(config, Arc::new(clock.clone())).await.unwrap();
        let address = app.address().unwrap();
        let shutdown = CancellationToken::new();
        let store = auth_service::app::open_store(&database).await.unwrap();
        let accounts_clock = Arc::new(clock.clone());
        let accounts =
            auth_service::app::open_accounts(store, hashing, second_factor, accounts_clock);
        let accounts = accounts.await.unwrap();
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

    /// The store of the service, opened beside it.
    pub(crate) async fn store(&self) -> Arc<dyn Store> {
        let database = database(self.directory.path());
        auth_service::app::open_store(&database).await.unwrap()
    }

    /// Stops the service, then calls `act` with its directory.
    pub(crate) async fn stop_and(self, act: impl AsyncFnOnce(&Path)) {
        self.shutdown.cancel();
        drop(self.channel);
        self.running.await.unwrap().unwrap();
        act(self.directory.path()).await;
    }

    /// Stops the service as SIGTERM does, and starts it again on the same database.
    pub(crate) async fn restart(self) -> Self {
        self.restart_with(|_| ()).await
    }

    /// The same with another configuration.
    pub(crate) async fn restart_with(self, adjust: impl FnOnce(&mut ServeConfig)) -> Self {
        self.shutdown.cancel();
        drop(self.channel);
        self.running.await.unwrap().unwrap();
        Self::start_in(self.directory, self.clock, adjust).await
    }

    /// Creates an account as the command line does.
    pub(crate) async fn add_user(&self, name: &str, admin: bool) -> User {
        let accounts = &self.accounts;
        accounts
            .create(
                name.parse().unwrap(),
                PASSWORD,
                admin,
                &CallContext::operator(),
            )
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
}

/// A directory for a database, in memory where the system has such a file system: an operation that waits for a commit to a busy disk for
/// half a second is refused.
fn directory() -> Arc<TempDir> {
    let memory = Path::new("/dev/shm");
    let directory = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    Arc::new(directory.unwrap())
}
