//! Which servers are used: those that answer, take writes, and are of the newest timeline.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use holdfast_core::rate_limited_log::LogRateLimiter;
use sqlx::{AssertSqlSafe, PgConnection};
use tokio::time::timeout;

use crate::OpenError;

/// Time in which a connection has to answer before it is used, and before it returns to the pool: a server whose host is gone sends no error.
pub(super) const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// The timeline that a primary writes on, as an SQL expression. It grows with each promotion.
pub(super) const TIMELINE: &str =
    "('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::BIT(32)::BIGINT";

/// The error of a server that takes no writes.
pub(super) const READ_ONLY_SERVER: &str =
    "the server takes no writes: it is a standby, or read-only, or was replaced";

static READ_ONLY: LogRateLimiter = LogRateLimiter::new("store.read_only_server");

/// Why a database was not opened.
pub(super) fn not_opened(error: sqlx::Error) -> OpenError {
    match &error {
        // A proxy that has no server closes the connection.
        sqlx::Error::Protocol(why) if why.contains("SSLRequest") => OpenError::NotAvailable(
            "the connection was closed before the server answered".to_owned(),
        ),
        sqlx::Error::Io(why) if is_of_files(why.kind()) => error.into(),
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => {
            OpenError::NotAvailable(error.to_string())
        }
        sqlx::Error::Configuration(why) if why.to_string() == READ_ONLY_SERVER => {
            OpenError::NotAvailable(READ_ONLY_SERVER.to_owned())
        }
        sqlx::Error::Database(refused) if is_temporary(refused.code().as_deref()) => {
            OpenError::NotAvailable(error.to_string())
        }
        _ => error.into(),
    }
}

/// Whether an error is one of the certificates and keys that the URL names.
const fn is_of_files(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::NotFound
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::IsADirectory
    )
}

/// Whether a server that refuses with this code (`SQLSTATE`) starts, stops or has too many connections.
fn is_temporary(code: Option<&str>) -> bool {
    code.is_some_and(|code| code.starts_with("57P") || code == "53300")
}

/// The newest timeline that a server of this store had. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Newest(Arc<AtomicI64>);

impl Newest {
    /// Whether the server of a connection takes writes, and no server of a later timeline was seen. After a failover a kept connection may
    /// lead to the demoted server, or to one that was suspended and does not know yet that it is not the primary any more.
    pub(super) async fn accepts(&self, connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
        // A standby has no position to write at.
        let sql = format!(
            "SELECT current_setting('transaction_read_only') = 'off', \
                    CASE WHEN NOT pg_is_in_recovery() THEN {TIMELINE} END"
        );
        let state = sqlx::query_as(AssertSqlSafe(sql)).fetch_one(connection);
        let (takes_writes, timeline): (bool, Option<i64>) = in_time(state).await?;
        let timeline = timeline.unwrap_or_default();
        let newest = self.0.fetch_max(timeline, Ordering::AcqRel);
        Ok(takes_writes && timeline >= newest)
    }
}

async fn in_time<T>(
    answered: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    let answered = timeout(CHECK_TIMEOUT, answered).await;
    answered.unwrap_or_else(|_| Err(no_answer()))
}

pub(super) fn no_answer() -> sqlx::Error {
    sqlx::Error::Io(io::ErrorKind::TimedOut.into())
}

pub(super) async fn require_writes(
    newest: &Newest,
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    if newest.accepts(connection).await? {
        return Ok(());
    }
    READ_ONLY.log(|times| {
        tracing::warn!(
            event = "store.read_only_server",
            times,
            "the database server takes no writes: it is a standby, or read-only, or was replaced"
        );
    });
    Err(sqlx::Error::Configuration(READ_ONLY_SERVER.into()))
}
