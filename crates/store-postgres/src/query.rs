//! Queries with the errors of the port in place of the driver's.

use holdfast_identity::store::StoreError;
use holdfast_store_sql::unavailable;
use sqlx::{
    Executor, Postgres,
    postgres::{PgArguments, PgRow},
    query::Query,
};

/// A statement with its arguments.
pub(super) type Statement<'q> = Query<'q, Postgres, PgArguments>;

/// Runs a query on a connection, in a transaction, or on any connection of the pool.
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
        let result = self.execute(executor).await.map_err(unavailable)?;
        Ok(result.rows_affected())
    }

    async fn rows<'c>(
        self,
        executor: impl Executor<'c, Database = Postgres>,
    ) -> Result<Vec<PgRow>, StoreError> {
        self.fetch_all(executor).await.map_err(unavailable)
    }

    async fn first_row<'c>(
        self,
        executor: impl Executor<'c, Database = Postgres>,
    ) -> Result<Option<PgRow>, StoreError> {
        self.fetch_optional(executor).await.map_err(unavailable)
    }

    async fn only_row<'c>(
        self,
        executor: impl Executor<'c, Database = Postgres>,
    ) -> Result<PgRow, StoreError> {
        self.fetch_one(executor).await.map_err(unavailable)
    }
}
