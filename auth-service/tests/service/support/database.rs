//! The database, as another process changes and reads it.

use std::path::Path;

use sqlx::{
    AssertSqlSafe, Connection as _, SqliteConnection, SqlitePool, sqlite::SqliteConnectOptions,
};

use super::TestService;

impl TestService {
    /// Writes this many revocations of logins to the store, as another instance would.
    pub(crate) async fn insert_revocations(&self, count: u32) {
        self.execute_sql(format!(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}) \
             INSERT INTO revocations (kind, subject, expires_at) \
             SELECT 'sid', printf('00000000-0000-4000-8000-%012d', n), 9000000000000 FROM numbers"
        ))
        .await;
    }

    /// Executes SQL on the database as another process would.
    pub(crate) async fn execute_sql(&self, sql: String) {
        execute_sql(self.directory.path(), sql).await;
    }
}

/// Executes SQL on the database in a directory, as another process would.
pub(crate) async fn execute_sql(directory: &Path, sql: String) {
    let options = SqliteConnectOptions::new().filename(directory.join("auth.db"));
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let script = sqlx::raw_sql(AssertSqlSafe(sql));
    script.execute(&mut connection).await.unwrap();
}

impl TestService {
    /// Every row of the database but the checkpoint of the clock, which is written each minute.
    pub(crate) async fn content(&self) -> Vec<String> {
        let file = self.directory.path().join("auth.db");
        let database = SqlitePool::connect(&format!("sqlite:{}", file.display()))
            .await
            .unwrap();
        let tables =
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'steady_time'";
        let tables: Vec<(String,)> = sqlx::query_as(tables).fetch_all(&database).await.unwrap();
        let mut rows = Vec::new();
        for (table,) in tables {
            let columns = format!("SELECT name FROM pragma_table_info('{table}')");
            let columns: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(columns))
                .fetch_all(&database)
                .await
                .unwrap();
            let quoted = columns.iter().map(|(column,)| format!("quote({column})"));
            let row = quoted.collect::<Vec<_>>().join(" || ',' || ");
            let sql = format!("SELECT {row} FROM {table}");
            let found: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(sql))
                .fetch_all(&database)
                .await
                .unwrap();
            rows.extend(found.into_iter().map(|(row,)| format!("{table}: {row}")));
        }
        rows
    }
}
