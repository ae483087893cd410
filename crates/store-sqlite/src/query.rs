//! Queries with the errors of the port in place of the driver's.

use holdfast_identity::store::StoreError;
use holdfast_store_sql::{traced::traced, unavailable};
use sqlx::{
    Sqlite, SqliteConnection,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};
use tracing::Instrument as _;

/// The database in traces (OpenTelemetry, "Semantic conventions for SQL").
const SYSTEM: &str = "sqlite";

/// Runs a query on a connection or in a transaction.
pub(super) trait RunQuery {
    /// Runs a statement; returns the number of rows that it changed.
    async fn run(self, connection: &mut SqliteConnection) -> Result<u64, StoreError>;

    /// All rows.
    async fn rows(self, connection: &mut SqliteConnection) -> Result<Vec<SqliteRow>, StoreError>;

    /// The first row, if there is any.
    async fn first_row(
        self,
        connection: &mut SqliteConnection,
    ) -> Result<Option<SqliteRow>, StoreError>;

    /// The row of a query that always has one.
    async fn only_row(self, connection: &mut SqliteConnection) -> Result<SqliteRow, StoreError>;
}

impl RunQuery for Query<'_, Sqlite, SqliteArguments> {
    async fn run(self, connection: &mut SqliteConnection) -> Result<u64, StoreError> {
        let (statement, span) = traced(self, SYSTEM)?;
        let result = statement.execute(connection).instrument(span).await;
        let result = result.map_err(unavailable)?;
        Ok(result.rows_affected())
    }

    async fn rows(self, connection: &mut SqliteConnection) -> Result<Vec<SqliteRow>, StoreError> {
        let (statement, span) = traced(self, SYSTEM)?;
        let answer = statement.fetch_all(connection).instrument(span).await;
        answer.map_err(unavailable)
    }

    async fn first_row(
        self,
        connection: &mut SqliteConnection,
    ) -> Result<Option<SqliteRow>, StoreError> {
        let (statement, span) = traced(self, SYSTEM)?;
        let answer = statement.fetch_optional(connection).instrument(span).await;
        answer.map_err(unavailable)
    }

    async fn only_row(self, connection: &mut SqliteConnection) -> Result<SqliteRow, StoreError> {
        let (statement, span) = traced(self, SYSTEM)?;
        let answer = statement.fetch_one(connection).instrument(span).await;
        answer.map_err(unavailable)
    }
}
