//! The promises of the store's ports ([`holdfast_identity::store`]) as test cases.
//!
//! A driver implements [`Subject`] and calls [`conformance_tests!`] in a test target, which makes a test of each case. A case panics
//! where a promise is broken.
#![expect(
    clippy::unwrap_used,
    reason = "a test case that cannot go on should stop"
)]

mod cases;
mod crash;
pub mod fixture;
mod race;

use std::{ffi::OsString, path::Path, pin::Pin, sync::Arc};

use async_trait::async_trait;
use holdfast_identity::store::Store;

pub use self::{
    cases::CASES,
    crash::{data_of_writer, write_until_killed},
};

/// A store that a driver made for one case: its data, and ways to reach it.
#[async_trait]
pub trait Subject: Send + Sync {
    /// Opens a further handle on the data, as another process does.
    async fn open(&self) -> Arc<dyn Store>;

    /// Opens a backup that the store wrote; `None` if backups of the store are made by other tools.
    async fn open_backup(&self, file: &Path) -> Option<Arc<dyn Store>>;

    /// Changes rows by an SQL statement, beside the store.
    async fn execute(&self, sql: &str);

    /// Begins a transaction that appends an access token to the revocation log, and does not commit it yet.
    async fn hold_revocation(&self, jti: &str) -> Box<dyn HeldTransaction>;

    /// Names the data to another process, whose test `write_where_the_environment_says` opens it by [`data_of_writer`] and calls
    /// [`write_until_killed`].
    fn data(&self) -> OsString;
}

/// A transaction that is open.
#[async_trait]
pub trait HeldTransaction: Send {
    /// Commits it.
    async fn commit(self: Box<Self>);
}

/// The future of a running case.
pub type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A case, by its name, such as `grants::racing_advances_have_one_winner`.
pub struct Case {
    /// The path of its function, without `cases`.
    pub name: &'static str,
    /// Runs the case on a new store.
    pub run: fn(Arc<dyn Subject>) -> Running,
}

/// Runs the case with this name on a new store.
///
/// # Panics
/// There is no such case, or the store breaks its promise.
pub async fn run_case(name: &str, subject: Arc<dyn Subject>) {
    let case = CASES.iter().find(|case| case.name == name);
    (case.unwrap().run)(subject).await;
}

/// Declares a test for each case, given an asynchronous function that makes an [`Arc<dyn Subject>`](Subject).
#[macro_export]
macro_rules! conformance_tests {
    ($subject:path) => {
        $crate::for_each_case!($subject);
    };
}

/// Declares the test of one case.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_test {
    ($subject:path, $module:ident, $case:ident) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $case() {
            let name = concat!(stringify!($module), "::", stringify!($case));
            $crate::run_case(name, $subject().await).await;
        }
    };
}
