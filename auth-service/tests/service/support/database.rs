//! The database of a service, as another process changes and reads it: a file, or a database on a server.

use std::{env, path::Path};

use auth_service::config::Database;
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, PgPool, SqliteConnection,
    SqlitePool, sqlite::SqliteConnectOptions,
};

use super::TestService;

/// The environment variable with the URL of a PostgreSQL server, on which each service has a database; without it, each has a file.
const SERVER: &str = "HOLDFAST_TEST_STORE";

/// The text for each kind of database.
pub(crate) struct Sql {
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

/// The database of the services in a directory.
pub(crate) fn database(directory: &Path) -> Database {
    match server_url(directory) {
        Some(url) => Database::parse(&url, 4).unwrap(),
        None => Database::Sqlite(directory.join("auth.db")),
    }
}

/// Creates it if it is one of a server and does not exist.
pub(super) async fn create_database(directory: &Path) {
    let Ok(server) = env::var(SERVER) else { return };
    let name = name(directory);
    let mut server = PgConnection::connect(&format!("{server}/postgres"))
        .await
        .unwrap();
    let known = "SELECT count(*) FROM pg_database WHERE datname = $1";
    let known: i64 = sqlx::query_scalar(known)
        .bind(&name)
        .fetch_one(&mut server)
        .await
        .unwrap();
    if known == 0 {
        let create = format!("CREATE DATABASE \"{name}\"");
        server.execute(AssertSqlSafe(create)).await.unwrap();
    }
}

fn server_url(directory: &Path) -> Option<String> {
    let server = env::var(SERVER).ok()?;
    Some(format!("{server}/{}", name(directory)))
}

/// The name of a temporary directory, which differs between runs.
fn name(directory: &Path) -> String {
    let name = directory.file_name().unwrap().to_string_lossy();
    format!("auth_{}", name.trim_start_matches('.'))
}

/// Executes SQL on the database of a directory, as another process would.
pub(crate) async fn execute_sql(directory: &Path, sql: String) {
    let script = sqlx::raw_sql(AssertSqlSafe(sql));
    if let Some(url) = server_url(directory) {
        let mut connection = PgConnection::connect(&url).await.unwrap();
        script.execute(&mut connection).await.unwrap();
    } else {
        let options = SqliteConnectOptions::new().filename(directory.join("auth.db"));
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        script.execute(&mut connection).await.unwrap();
    }
}

impl TestService {
    /// Writes this many revocations of logins to the store, as another instance would.
    pub(crate) async fn insert_revocations(&self, count: u32) {
        let sql = if self.is_on_server() {
            format!(
                "UPDATE revocation_counter SET newest = newest + {count}; \
                 INSERT INTO revocations (sequence, kind, subject, expires_at) \
                 SELECT newest - {count} + n, 'sid', '00000000-0000-4000-8000-' || lpad(n::text, 12, '0'), 9000000000000 \
                 FROM revocation_counter, generate_series(1, {count}) AS n"
            )
        } else {
            format!(
                "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}) \
                 INSERT INTO revocations (kind, subject, expires_at) \
                 SELECT 'sid', printf('00000000-0000-4000-8000-%012d', n), 9000000000000 FROM numbers"
            )
        };
        self.execute_sql(sql).await;
    }

    /// Executes SQL on the database as another process would.
    pub(crate) async fn execute_sql(&self, sql: String) {
        execute_sql(self.directory.path(), sql).await;
    }

    /// Executes SQL that differs between the kinds of databases.
    pub(crate) async fn execute(&self, sql: Sql) {
        let text = if self.is_on_server() {
            sql.postgres
        } else {
            sql.sqlite
        };
        self.execute_sql(text.to_owned()).await;
    }

    pub(crate) fn is_on_server(&self) -> bool {
        server_url(self.directory.path()).is_some()
    }

    /// Holds a lock until the future completes that keeps every write from being made.
    pub(crate) async fn while_locked<T>(&self, act: impl Future<Output = T>) -> T {
        let directory = self.directory.path();
        if let Some(url) = server_url(directory) {
            let other = PgPool::connect(&url).await.unwrap();
            let mut lock = other.begin().await.unwrap();
            lock.execute("LOCK TABLE grants IN ACCESS EXCLUSIVE MODE")
                .await
                .unwrap();
            let result = act.await;
            lock.rollback().await.unwrap();
            result
        } else {
            let file = format!("sqlite:{}", directory.join("auth.db").display());
            let other = SqlitePool::connect(&file).await.unwrap();
            let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
            let result = act.await;
            lock.rollback().await.unwrap();
            result
        }
    }

    /// Every row of the database but the checkpoint of the clock, which is written each minute.
    pub(crate) async fn content(&self) -> Vec<String> {
        let directory = self.directory.path();
        if let Some(url) = server_url(directory) {
            return content_of_server(&PgPool::connect(&url).await.unwrap()).await;
        }
        let file = format!("sqlite:{}", directory.join("auth.db").display());
        content_of_file(&SqlitePool::connect(&file).await.unwrap()).await
    }
}

async fn content_of_server(database: &PgPool) -> Vec<String> {
    let tables = "SELECT table_name::text FROM information_schema.tables \
                  WHERE table_schema = 'public' AND table_name NOT IN ('leases', 'steady_time')";
    let tables: Vec<(String,)> = sqlx::query_as(tables).fetch_all(database).await.unwrap();
    let mut rows = Vec::new();
    for (table,) in tables {
        let sql = format!("SELECT row::text FROM \"{table}\" AS row ORDER BY 1");
        let found: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(sql))
            .fetch_all(database)
            .await
            .unwrap();
        rows.extend(found.into_iter().map(|(row,)| format!("{table}: {row}")));
    }
    rows.sort();
    rows
}

async fn content_of_file(database: &SqlitePool) -> Vec<String> {
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('leases', 'steady_time')";
    let tables: Vec<(String,)> = sqlx::query_as(tables).fetch_all(database).await.unwrap();
    let mut rows = Vec::new();
    for (table,) in tables {
        let columns = format!("SELECT name FROM pragma_table_info('{table}')");
        let columns: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(columns))
            .fetch_all(database)
            .await
            .unwrap();
        let quoted = columns.iter().map(|(column,)| format!("quote({column})"));
        let row = quoted.collect::<Vec<_>>().join(" || ',' || ");
        let sql = format!("SELECT {row} FROM {table}");
        let found: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(sql))
            .fetch_all(database)
            .await
            .unwrap();
        rows.extend(found.into_iter().map(|(row,)| format!("{table}: {row}")));
    }
    rows
}
