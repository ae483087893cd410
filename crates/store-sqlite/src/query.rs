//! Queries with the errors of the port in place of the driver's.

use holdfast_identity::store::StoreError;
use holdfast_store_sql::unavailable;
use sqlx::{
    Sqlite, SqliteConnection,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

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
        let result = self.execute(connection).await.map_err(unavailable)?;
        Ok(result.rows_affected())
    }

    async fn rows(self, connection: &mut SqliteConnection) -> Result<Vec<SqliteRow>, StoreError> {
        self.fetch_all(connection).await.map_err(unavailable)
    }

    async fn first_row(
        self,
        connection: &mut SqliteConnection,
    ) -> Result<Option<SqliteRow>, StoreError> {
        self.fetch_optional(connection).await.map_err(unavailable)
    }

    async fn only_row(self, connection: &mut SqliteConnection) -> Result<SqliteRow, StoreError> {
        self.fetch_one(connection).await.map_err(unavailable)
    }
}
