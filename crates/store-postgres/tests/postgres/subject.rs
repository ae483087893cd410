//! Databases for the cases, on the server that the environment names.

use std::{
    env,
    ffi::OsString,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use async_trait::async_trait;
use holdfast_identity::store::Store;
use holdfast_store_conformance::{HeldTransaction, Subject};
use holdfast_store_postgres::PostgresStore;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::{runtime::Handle, task::block_in_place};

/// The environment variable with the URL of a server, without a database.
const SERVER: &str = "HOLDFAST_TEST_POSTGRES";
/// Connections of each store.
pub(crate) const CONNECTIONS: u32 = 8;

static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A database of its own.
pub(crate) struct PostgresSubject {
    url: String,
}

fn server() -> String {
    env::var(SERVER).unwrap_or_else(|_| {
        panic!("{SERVER} is not set; run `cargo xtask test --only postgres`, which starts one")
    })
}

/// A new database.
pub(crate) async fn postgres() -> Arc<dyn Subject> {
    let url = new_database().await;
    Arc::new(PostgresSubject { url })
}

/// The URL of a new database.
pub(crate) async fn new_database() -> String {
    let server = server();
    let number = DATABASES.fetch_add(1, Ordering::Relaxed);
    let name = format!("conformance_{}_{number}", std::process::id());
    let mut connection = PgConnection::connect(&format!("{server}/postgres"))
        .await
        .unwrap();
    let create = format!("CREATE DATABASE {name}");
    connection.execute(AssertSqlSafe(create)).await.unwrap();
    connection.close().await.unwrap();
    format!("{server}/{name}")
}

/// Opens a store. The future of the migrator is not `Send`, which the trait requires.
fn open(url: &str) -> Arc<dyn Store> {
    let opened = || Handle::current().block_on(PostgresStore::open(url, CONNECTIONS));
    Arc::new(block_in_place(opened).unwrap())
}

impl PostgresSubject {
    async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }
}

#[async_trait]
impl Subject for PostgresSubject {
    async fn open(&self) -> Arc<dyn Store> {
        open(&self.url)
    }

    async fn open_backup(&self, _: &Path) -> Option<Arc<dyn Store>> {
        None
    }

    async fn execute(&self, sql: &str) {
        let mut connection = self.connect().await;
        let statement = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        connection.execute(statement).await.unwrap();
    }

    async fn hold_revocation(&self, jti: &str) -> Box<dyn HeldTransaction> {
        let mut connection = self.connect().await;
        let sql = format!(
            "BEGIN; \
             INSERT INTO revocations (sequence, kind, subject, expires_at) \
             VALUES (take_revocation_numbers(1), 'jti', '{jti}', 9000000000000)"
        );
        let statement = sqlx::raw_sql(AssertSqlSafe(sql));
        connection.execute(statement).await.unwrap();
        Box::new(Held(connection))
    }

    fn data(&self) -> OsString {
        self.url.clone().into()
    }
}

struct Held(PgConnection);

#[async_trait]
impl HeldTransaction for Held {
    async fn commit(mut self: Box<Self>) {
        self.0.execute("COMMIT").await.unwrap();
        self.0.close().await.unwrap();
    }
}
