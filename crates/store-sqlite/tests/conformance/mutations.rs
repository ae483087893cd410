//! The cases fail for a driver that breaks one promise.

use std::{ffi::OsString, path::Path, sync::Arc};

use async_trait::async_trait;
use holdfast_identity::store::Store;
use holdfast_store_conformance::{CASES, HeldTransaction, Subject};

use crate::{
    broken::{BrokenStore, Mutation},
    subject::sqlite,
};

struct BrokenSubject(Arc<dyn Subject>, Option<Mutation>);

#[async_trait]
impl Subject for BrokenSubject {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(BrokenStore::new(self.0.open().await, self.1))
    }

    async fn open_backup(&self, file: &Path) -> Option<Arc<dyn Store>> {
        self.0.open_backup(file).await
    }

    async fn execute(&self, sql: &str) {
        self.0.execute(sql).await;
    }

    async fn hold_revocation(&self, jti: &str) -> Box<dyn HeldTransaction> {
        self.0.hold_revocation(jti).await
    }

    fn data(&self) -> OsString {
        self.0.data()
    }
}

/// The name of the first case that fails for a driver with this mutation, or for one without.
async fn first_failure(mutation: Option<Mutation>) -> Option<&'static str> {
    for case in CASES {
        let subject: Arc<dyn Subject> = Arc::new(BrokenSubject(sqlite().await, mutation));
        if tokio::spawn((case.run)(subject)).await.is_err() {
            return Some(case.name);
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn driver_that_breaks_a_promise_is_noticed() {
    assert!(CASES.len() >= 60, "{}", CASES.len());
    for mutation in [
        Mutation::CheckWithoutLock,
        Mutation::LostUpdate,
        Mutation::AuditOutside,
        Mutation::NumbersInOrderOfInsertion,
        Mutation::EndWithoutEntry,
        Mutation::CodeTwice,
    ] {
        let noticed = first_failure(Some(mutation)).await;
        assert!(noticed.is_some(), "{mutation:?} is not noticed");
    }
    assert_eq!(first_failure(None).await, None, "without a mutation");
}
