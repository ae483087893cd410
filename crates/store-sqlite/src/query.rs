//! Queries and columns with the errors of the port in place of the driver's.

use holdfast_identity::store::StoreError;
use sqlx::{
    Decode, Row as _, Sqlite, SqliteConnection, Type,
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

/// The value of a column.
pub(super) fn get<'r, T>(row: &'r SqliteRow, column: &str) -> Result<T, StoreError>
where
    T: Decode<'r, Sqlite> + Type<Sqlite>,
{
    row.try_get(column).map_err(unavailable)
}

/// A failure of the driver as an error of the port.
#[expect(clippy::needless_pass_by_value, reason = "passed to `map_err`")]
pub(super) fn unavailable(error: impl ToString) -> StoreError {
    StoreError::Unavailable(error.to_string())
}
