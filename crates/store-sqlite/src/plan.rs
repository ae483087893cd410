//! Plans of statements, for tests.

use sqlx::{AssertSqlSafe, Row as _};

use crate::{SqliteStore, query::RunQuery as _};

/// The steps of a statement in a store without rows, as a new installation has it.
pub(crate) async fn plan_of(sql: &str) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("auth.db");
    let store = SqliteStore::open(&file).await.unwrap();
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
    let plan = sqlx::query(explain)
        .rows(&mut store.read().await.unwrap())
        .await
        .unwrap();
    plan.iter().map(|row| row.get("detail")).collect()
}

/// Fails if a statement reads more grants than those of the logins that it is about: an OAuth client may have one in each login of the
/// installation.
pub(crate) async fn assert_reads_grants_by_login(sql: &str) {
    let steps = plan_of(sql).await;
    let indexes = ["grants_of_login (sid=?", "sqlite_autoindex_grants_1 (id=?)"];
    let of_grants = steps.iter().filter(|step| {
        let mut words = step.split_whitespace();
        words.any(|word| ["grants", "other"].contains(&word))
    });
    let of_grants: Vec<_> = of_grants.collect();
    assert!(!of_grants.is_empty(), "{steps:#?}");
    for step in of_grants {
        let is_narrow = indexes.iter().any(|index| step.contains(index));
        assert!(is_narrow, "{steps:#?}");
    }
}
