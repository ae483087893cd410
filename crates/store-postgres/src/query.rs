//! Queries with the errors of the port in place of the driver's, and with a limit of the time for which they wait.

use std::time::{Duration, Instant};

use holdfast_identity::store::StoreError;
use holdfast_metrics::observe;
use holdfast_store_sql::{traced::traced, unavailable};
use sqlx::{
    Executor, Postgres,
    postgres::{PgArguments, PgRow},
    query::Query,
};
use tokio::{task_local, time::timeout};
use tracing::Instrument as _;

use crate::metrics;

/// Time for which a statement waits for its answer: more than the limits of the server, below the deadline of any caller. A server whose
/// host is gone sends neither an answer nor an error, and TCP gives up after a quarter of an hour only.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// The same, for a statement of a [`long`] operation.
const LONG_ANSWER_TIMEOUT: Duration = Duration::from_secs(65);

/// The database in traces (OpenTelemetry, "Semantic conventions for SQL").
const SYSTEM: &str = "postgresql";

task_local! {
    /// The limit of the statements of an operation, if it is not [`ANSWER_TIMEOUT`].
    static LIMIT: Duration;
}

/// Runs an operation whose statements may take long.
pub(super) async fn long<T>(operation: impl Future<Output = T>) -> T {
    LIMIT.scope(LONG_ANSWER_TIMEOUT, operation).await
}

/// Waits for an answer of the server. Without one the connection is closed when it returns to the pool.
pub(super) async fn answer<T>(
    answered: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    let limit = LIMIT.try_get().unwrap_or(ANSWER_TIMEOUT);
    let begun = Instant::now();
    let answered = timeout(limit, answered).await;
    observe(&metrics::STATEMENTS, begun.elapsed());
    match answered {
        Ok(result) => result.map_err(failed),
        Err(_) => Err(unavailable("the database server does not answer")),
    }
}

/// The error of the port. The pool connects again until its time is over, and then does not say why that failed.
pub(super) fn failed(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::PoolTimedOut => unavailable(
            "no connection to the database: its server is unreachable or takes no writes, or all connections are in use",
        ),
        // A proxy that has no server closes the connection.
        sqlx::Error::Protocol(why) if why.contains("SSLRequest") => {
            unavailable("the connection was closed before the server answered")
        }
        error => unavailable(error),
    }
}

/// A statement with its arguments.
pub(super) type Statement<'q> = Query<'q, Postgres, PgArguments>;

/// Runs a query on a connection or in a transaction.
pub(super) trait RunQuery {
    /// Runs a statement; returns the number of rows that it changed.
    async fn run<'c>(
        self,
        executor: impl Executor<'c, Database = Postgres>,
    ) -> Result<u64, StoreError>;

    /// All rows.
    async fn rows<'c>(
        self,
        executor: impl Executor<'c, Database = Postgres>,
    ) -> Result<Vec<PgRow>, StoreError>;

    /// The first row, if there is any.
    async fn first_row<'c>(
        self,
        executor: impl Executor<'c, Database = Postgres>,
    ) -> Result<Option<PgRow>, StoreError>;

    /// The row of a query that always has one.
    async fn only_row<'c>(
        self,
        executor: impl Executor<'c, Database = Postgres>,
    ) -> Result<PgRow, StoreError>;
}

impl RunQuery for Statement<'_> {
    async fn run<'c>(
        self,
        executor: impl Executor<'c, Database = Postgres>,
    ) -> Result<u64, StoreError> {
        let (statement, span) = traced(self, SYSTEM)?;
        let result = answer(statement.execute(executor)).instrument(span).await?;
        Ok(result.rows_affected())
    }

    async fn rows<'c>(
        self,
        executor: impl Executor<'c, Database = Postgres>,
    ) -> Result<Vec<PgRow>, StoreError> {
        let (statement, span) = traced(self, SYSTEM)?;
        answer(statement.fetch_all(executor)).instrument(span).await
    }

    async fn first_row<'c>(
        self,
        executor: impl Executor<'c, Database = Postgres>,
    ) -> Result<Option<PgRow>, StoreError> {
        let (statement, span) = traced(self, SYSTEM)?;
        answer(statement.fetch_optional(executor))
            .instrument(span)
            .await
    }

    async fn only_row<'c>(
        self,
        executor: impl Executor<'c, Database = Postgres>,
    ) -> Result<PgRow, StoreError> {
        let (statement, span) = traced(self, SYSTEM)?;
        answer(statement.fetch_one(executor)).instrument(span).await
    }
}
