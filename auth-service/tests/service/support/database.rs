//! Changes to the database by another process.

use std::path::Path;

use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

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
    let script = sqlx::raw_sql(sqlx::AssertSqlSafe(sql));
    script.execute(&mut connection).await.unwrap();
}
