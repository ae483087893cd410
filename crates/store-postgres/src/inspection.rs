//! Inspection of a database and its server, which changes nothing.

use std::time::{Duration, Instant};

use holdfast_core::clock::{Clock, ClockReading};
use holdfast_identity::store::StoreError;
pub use holdfast_store_sql::inspection::{SchemaState, StoredKeys};
use holdfast_store_sql::{
    SqlRow as _,
    inspection::{APPLIED_MIGRATIONS, SECRET_KEYS, SIGNING_KEYS, applied_migration, secret_key},
    key::signing_key,
    time,
};
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};

use crate::{OpenError, migration::MIGRATIONS, query::RunQuery as _, server::not_opened};

/// The settings and the state of the server. Of standbys, every role sees names and numbers only.
const SERVER: &str = "SELECT current_setting('server_version') AS version, \
         current_setting('transaction_read_only') = 'off' AND NOT pg_is_in_recovery() AS is_writable, \
         current_setting('fsync') = 'on' AS fsync, \
         current_setting('full_page_writes') = 'on' AS full_page_writes, \
         current_setting('synchronous_commit') AS synchronous_commit, \
         current_setting('synchronous_standby_names') <> '' AS has_synchronous_standbys, \
         (SELECT count(*) FROM pg_stat_replication WHERE application_name <> 'pg_basebackup') AS standbys, \
         coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), FALSE) AS is_encrypted, \
         coalesce(host(inet_client_addr()) IN ('127.0.0.1', '::1'), TRUE) AS is_local";

/// What a server answered.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting of the server"
)]
pub struct ServerFacts {
    /// Its version, such as `15.8`.
    pub version: String,
    /// Whether it takes writes.
    pub is_writable: bool,
    /// `fsync`: whether commits are flushed to the disk.
    pub fsync: bool,
    /// `full_page_writes`: whether a page that was written in part is restored after a crash.
    pub full_page_writes: bool,
    /// `synchronous_commit` of the server; this store replaces `off`.
    pub synchronous_commit: String,
    /// Whether `synchronous_standby_names` is set.
    pub has_synchronous_standbys: bool,
    /// The number of connected standbys.
    pub standbys: i64,
    /// Whether the last hop of the connection is encrypted.
    pub is_encrypted: bool,
    /// Whether the last hop of the connection stays on the server's machine.
    pub is_local: bool,
}

/// The first hop of a connection, as the URL has it. The server sees the last one, which is another one behind a pooler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstHop {
    /// The host; `None`: a Unix socket.
    pub host: Option<String>,
    /// Whether a connection without TLS is refused, by `sslmode=require` or a stricter one.
    pub requires_tls: bool,
}

impl FirstHop {
    fn of(options: &PgConnectOptions) -> Self {
        let is_socket = options.get_socket().is_some() || options.get_host().starts_with('/');
        Self {
            host: (!is_socket).then(|| options.get_host().to_owned()),
            requires_tls: matches!(
                options.get_ssl_mode(),
                PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull
            ),
        }
    }
}

/// What a database contains, and what its server answered.
#[derive(Debug)]
pub struct PostgresFacts {
    /// The connection, from the side of the client.
    pub first_hop: FirstHop,
    /// The server.
    pub server: ServerFacts,
    /// Duration of `SELECT 1`.
    pub latency: Duration,
    /// The clock of the server.
    pub clock: ClockReading,
    /// The schema of the database; an error where the user lacks the permission to read it.
    pub schema: Result<SchemaState, StoreError>,
    /// The keys in the database.
    pub keys: Result<StoredKeys, StoreError>,
}

/// Connects to a database by its URL, and reads from it. A caller limits the time.
///
/// # Errors
/// When it cannot be reached or read.
pub async fn inspect(url: &str, clock: &dyn Clock) -> Result<PostgresFacts, OpenError> {
    let options: PgConnectOptions = url.parse::<PgConnectOptions>()?;
    let options = options.disable_statement_logging().extra_float_digits(None);
    let first_hop = FirstHop::of(&options);
    let mut connection = options.connect().await.map_err(not_opened)?;
    let facts = PostgresFacts {
        first_hop,
        server: server(&mut connection).await?,
        latency: latency(&mut connection).await?,
        clock: server_clock(&mut connection, clock).await?,
        schema: schema(&mut connection).await,
        keys: keys(&mut connection).await,
    };
    let _ = connection.close().await;
    Ok(facts)
}

async fn server(connection: &mut PgConnection) -> Result<ServerFacts, StoreError> {
    let row = sqlx::query(SERVER).only_row(connection).await?;
    Ok(ServerFacts {
        version: row.text("version")?.to_owned(),
        is_writable: row.flag("is_writable")?,
        fsync: row.flag("fsync")?,
        full_page_writes: row.flag("full_page_writes")?,
        synchronous_commit: row.text("synchronous_commit")?.to_owned(),
        has_synchronous_standbys: row.flag("has_synchronous_standbys")?,
        standbys: row.integer("standbys")?,
        is_encrypted: row.flag("is_encrypted")?,
        is_local: row.flag("is_local")?,
    })
}

async fn latency(connection: &mut PgConnection) -> Result<Duration, StoreError> {
    // The first time the statement is prepared, too.
    sqlx::query("SELECT 1").run(&mut *connection).await?;
    let begun = Instant::now();
    sqlx::query("SELECT 1").run(connection).await?;
    Ok(begun.elapsed())
}

async fn server_clock(
    connection: &mut PgConnection,
    clock: &dyn Clock,
) -> Result<ClockReading, StoreError> {
    let sent_at = clock.now();
    let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT AS now";
    let row = sqlx::query(sql).only_row(connection).await?;
    Ok(ClockReading {
        peer: time(&row, "now")?,
        sent_at,
        received_at: clock.now(),
    })
}

async fn schema(connection: &mut PgConnection) -> Result<SchemaState, StoreError> {
    let exists = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL AS migrations, \
                  to_regclass('schema_compatibility') IS NOT NULL AS compatibility";
    let exists = sqlx::query(exists).only_row(&mut *connection).await?;
    let mut applied = Vec::new();
    if exists.flag("migrations")? {
        let rows = sqlx::query(APPLIED_MIGRATIONS)
            .rows(&mut *connection)
            .await?;
        applied = rows
            .iter()
            .map(applied_migration)
            .collect::<Result<_, _>>()?;
    }
    let mut earliest = None;
    if exists.flag("compatibility")? {
        let sql = "SELECT max(earliest)::BIGINT AS earliest FROM schema_compatibility";
        let row = sqlx::query(sql).only_row(&mut *connection).await?;
        earliest = row.optional_integer("earliest")?;
    }
    Ok(SchemaState::of(&applied, &MIGRATIONS, earliest))
}

async fn keys(connection: &mut PgConnection) -> Result<StoredKeys, StoreError> {
    let signing = sqlx::query(SIGNING_KEYS).rows(&mut *connection).await?;
    let secret = sqlx::query(SECRET_KEYS).rows(connection).await?;
    Ok(StoredKeys {
        signing: signing.iter().map(signing_key).collect::<Result<_, _>>()?,
        secret: secret.iter().map(secret_key).collect::<Result<_, _>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_hop_is_that_of_the_url() {
        for (url, host, requires_tls) in [
            ("postgres://a@db.example/auth", Some("db.example"), false),
            (
                "postgres://a@db.example/auth?sslmode=prefer",
                Some("db.example"),
                false,
            ),
            (
                "postgres://a@db.example/auth?sslmode=require",
                Some("db.example"),
                true,
            ),
            (
                "postgres://a@127.0.0.1/auth?sslmode=verify-full",
                Some("127.0.0.1"),
                true,
            ),
            (
                "postgres://a@localhost/auth?host=/run/postgresql",
                None,
                false,
            ),
        ] {
            let expected = FirstHop {
                host: host.map(str::to_owned),
                requires_tls,
            };
            assert_eq!(FirstHop::of(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
