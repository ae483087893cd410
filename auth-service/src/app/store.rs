//! Opening of the database, of its revocation feed and of its accounts.

use std::{
    fs::DirBuilder, num::NonZero, os::unix::fs::DirBuilderExt as _, path::Path, sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use holdfast_core::{clock::Clock, rate_limited_log::LogRateLimiter, steady_clock::SteadyClock};
use holdfast_crypto::{argon2id::Argon2id, random::SystemRandom};
use holdfast_identity::{
    account::Accounts,
    audit::AuditRecorder,
    authentication::SecondFactorPolicy,
    id::Jti,
    revocation::{Epoch, StoreOutage},
    store::Store,
};
use holdfast_server_kit::service_manager::ServiceManager;
#[cfg(feature = "postgres")]
use holdfast_store_postgres::{OpenError, PostgresStore};
use holdfast_store_sqlite::SqliteStore;
use tokio::time::sleep;

use crate::{
    config::{Database, HashingConfig},
    revocation_feed::RevocationFeed,
    storage::audit_trail::AuditLogLines,
};

/// Time between two attempts to open the database.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

static WAITING: LogRateLimiter = LogRateLimiter::new("store.not_available");

/// Opens the database of the store, and migrates it.
///
/// # Errors
/// It cannot be opened; the error names the file or the server.
pub async fn open_store(database: &Database) -> anyhow::Result<Arc<dyn Store>> {
    match database {
        Database::Sqlite(file) => open_file(file).await,
        #[cfg(feature = "postgres")]
        Database::Postgres {
            url,
            max_connections,
        } => {
            let store = PostgresStore::open(url.expose(), *max_connections).await;
            Ok(Arc::new(
                store.context("cannot open the PostgreSQL database")?,
            ))
        }
    }
}

/// Opens the database of the service, and waits for a PostgreSQL server that is not available: the service may have been started before it,
/// or during a failover. Then the outage is returned, too. `manager` waits as long as this takes.
///
/// # Errors
/// It cannot be opened for another reason.
pub(super) async fn open_store_when_available(
    database: &Database,
    clock: &dyn Clock,
    manager: &ServiceManager,
) -> anyhow::Result<(Arc<dyn Store>, Option<StoreOutage>)> {
    let mut status = "opening the database, with migrations where needed";
    let mut has_waited = false;
    loop {
        let opened = Box::pin(open_store(database));
        let opened = manager.extend_start(status, opened).await;
        let error = match opened {
            Ok(store) => {
                let outage = has_waited.then(|| StoreOutage::before_start(clock.now()));
                return Ok((store, outage));
            }
            Err(error) => error,
        };
        has_waited = true;
        status = "waiting for the database";
        if !is_outage(&error) {
            return Err(error);
        }
        WAITING.log(|times| {
            tracing::warn!(
                event = "store.not_available",
                error = format!("{error:#}"),
                times,
                "the database is not available; the service starts when it is"
            );
        });
        manager.extend_start(status, sleep(RETRY_INTERVAL)).await;
    }
}

/// Whether the database may be available later.
#[cfg(feature = "postgres")]
fn is_outage(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<OpenError>();
    matches!(cause, Some(OpenError::NotAvailable(_)))
}

/// Whether the database may be available later: not a file.
#[cfg(not(feature = "postgres"))]
const fn is_outage(_: &anyhow::Error) -> bool {
    false
}

/// Opens a file, and creates its directory with access for its owner only if there is none.
async fn open_file(file: &Path) -> anyhow::Result<Arc<dyn Store>> {
    let directory = file.parent().filter(|path| !path.as_os_str().is_empty());
    if let Some(directory) = directory {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .with_context(|| format!("cannot create the directory {}", directory.display()))?;
    }
    let store = SqliteStore::open(file).await;
    let store = store.with_context(|| format!("cannot open the database {}", file.display()))?;
    Ok(Arc::new(store))
}

/// The revocation feed of a store, for a command: expired entries are pruned by the system's clock. A store without an epoch gets one.
///
/// # Errors
/// The store is unavailable.
pub async fn open_feed(
    store: &Arc<dyn Store>,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<RevocationFeed> {
    let steady = Arc::new(SteadyClock::new(clock.clone()));
    open_feed_by(store, (clock, steady), None).await
}

/// The accounts of a store, for a command: one thread hashes passwords.
///
/// # Errors
/// The store is unavailable, or the thread cannot be started.
pub async fn open_accounts(
    store: Arc<dyn Store>,
    hashing: HashingConfig,
    second_factor: SecondFactorPolicy,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Accounts> {
    let random = Arc::new(SystemRandom);
    let hasher = Argon2id::start(hashing.cost, NonZero::<u32>::MIN, random.clone())?;
    let feed = open_feed(&store, clock.clone()).await?;
    Ok(Accounts {
        store: store.clone(),
        revocations: Arc::new(feed),
        hasher: Arc::new(hasher),
        audit: command_audit(clock.clone()),
        clock,
        random,
        second_factor,
    })
}

/// The recorder of audit events of a command.
pub fn command_audit(clock: Arc<dyn Clock>) -> AuditRecorder {
    AuditRecorder::new(Arc::new(AuditLogLines), clock)
}

/// The revocation feed of a store, whose expired entries are pruned by `steady`. `outage`: the one during which this instance was started.
pub(super) async fn open_feed_by(
    store: &Arc<dyn Store>,
    (clock, steady): (Arc<dyn Clock>, Arc<SteadyClock>),
    outage: Option<StoreOutage>,
) -> anyhow::Result<RevocationFeed> {
    let fresh = Epoch {
        id: Jti::random(&SystemRandom).to_string(),
        begun_at: clock.now(),
    };
    let feed = RevocationFeed::open(store.clone(), (clock, steady), fresh, outage).await;
    feed.context("cannot read the revocation log")
}
