use std::{
    fs,
    path::{Path, PathBuf},
};

use futures_util::{FutureExt as _, future::join_all};
use sqlx::{
    ConnectOptions as _, Connection as _,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};
use tempfile::TempDir;
use tokio::time::sleep;

use super::*;
use crate::{BUSY_TIMEOUT, metrics::PoolKind};

/// A database with a table `numbers`, and a committer.
struct Numbers {
    directory: TempDir,
    writer: Arc<Pool>,
    commits: GroupCommitter,
}

async fn numbers() -> Numbers {
    let directory = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new()
        .filename(file_in(&directory))
        .create_if_missing(true)
        .busy_timeout(BUSY_TIMEOUT)
        .journal_mode(SqliteJournalMode::Wal);
    let writer = Pool::open(options, PoolKind::Write, 1).await.unwrap();
    sqlx::raw_sql("CREATE TABLE numbers (number PRIMARY KEY)")
        .execute(&mut *writer.acquire().await.unwrap())
        .await
        .unwrap();
    let writer = Arc::new(writer);
    Numbers {
        directory,
        commits: GroupCommitter::start(Arc::clone(&writer)),
        writer,
    }
}

fn file_in(directory: &TempDir) -> PathBuf {
    directory.path().join("numbers.db")
}

impl Numbers {
    /// Inserts a number.
    async fn commit(&self, number: u32) -> Result<Rows, StoreError> {
        let insert = sqlx::query("INSERT INTO numbers VALUES (?) RETURNING number");
        self.commits.commit(insert.bind(number).into()).await
    }

    async fn count(&self) -> u32 {
        let count = sqlx::query_scalar("SELECT count(*) FROM numbers");
        let mut writer = self.writer.acquire().await.unwrap();
        count.fetch_one(&mut *writer).await.unwrap()
    }
}

/// The number of transactions in the write-ahead log: a frame whose size field is not 0 ends one (`SQLite` file format, §4.1).
fn transactions(file: &Path) -> usize {
    const HEADER: usize = 32;
    const FRAME: usize = 24 + 4096;
    let log = fs::read(file.with_extension("db-wal")).unwrap();
    let frames = log[HEADER..].chunks(FRAME);
    frames.filter(|frame| frame[4..8] != [0; 4]).count()
}

#[tokio::test]
async fn waiting_statements_are_committed_in_one_transaction() {
    let numbers = numbers().await;
    let file = file_in(&numbers.directory);
    let before = transactions(&file);

    let busy = numbers.writer.acquire().await.unwrap();
    let mut all = join_all((0..100).map(|number| numbers.commit(number))).boxed();
    assert!(all.as_mut().now_or_never().is_none());
    drop(busy);
    for rows in all.await {
        assert_eq!(rows.unwrap().len(), 1);
    }

    assert_eq!(numbers.count().await, 100);
    assert_eq!(transactions(&file) - before, 1);
}

#[tokio::test]
async fn abandoned_statement_is_not_run() {
    let numbers = numbers().await;

    let busy = numbers.writer.acquire().await.unwrap();
    let abandoned = numbers.commit(1).now_or_never();
    assert!(abandoned.is_none());
    drop(busy);
    numbers.commit(2).await.unwrap();

    assert_eq!(numbers.count().await, 1);
}

#[tokio::test]
async fn statement_that_waited_too_long_fails_and_a_later_one_succeeds() {
    let numbers = numbers().await;

    let busy = numbers.writer.acquire().await.unwrap();
    let mut early = numbers.commit(1).boxed();
    assert!(early.as_mut().now_or_never().is_none());
    sleep(ACQUIRE_TIMEOUT / 2).await;
    let mut later = numbers.commit(2).boxed();
    assert!(later.as_mut().now_or_never().is_none());
    let error = early.await.unwrap_err().to_string();
    assert!(error.contains("busy"), "{error}");
    drop(busy);

    assert_eq!(later.await.unwrap().len(), 1);
    assert_eq!(numbers.count().await, 1);
}

/// Runs in real time, as `SQLite` waits for a lock by its own clock.
#[tokio::test]
async fn statement_fails_in_time_while_another_process_writes() {
    let numbers = numbers().await;
    let file = file_in(&numbers.directory);
    let other = SqliteConnectOptions::new().filename(&file);
    let mut other = other.connect().await.unwrap();
    let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();

    let each = (0..4).map(async |number| {
        sleep(BUSY_TIMEOUT / 3 * number).await;
        let begun = Instant::now();
        let has_failed = numbers.commit(number).await.is_err();
        (has_failed, begun.elapsed())
    });
    for (has_failed, elapsed) in join_all(each).await {
        assert!(has_failed);
        assert!(
            elapsed < ACQUIRE_TIMEOUT + BUSY_TIMEOUT + BUSY_TIMEOUT / 2,
            "{elapsed:?}"
        );
    }
    lock.rollback().await.unwrap();
    numbers.commit(5).await.unwrap();
    assert_eq!(numbers.count().await, 1);
}

#[tokio::test]
async fn failing_statement_undoes_its_transaction_and_later_ones_succeed() {
    let numbers = numbers().await;

    let busy = numbers.writer.acquire().await.unwrap();
    let mut all = join_all([1, 2, 2].map(|number| numbers.commit(number))).boxed();
    assert!(all.as_mut().now_or_never().is_none());
    drop(busy);
    assert!(all.await.iter().all(Result::is_err));

    assert_eq!(numbers.count().await, 0);
    numbers.commit(1).await.unwrap();
    assert_eq!(numbers.count().await, 1);
}

#[tokio::test]
async fn closed_database_rejects_statements() {
    let numbers = numbers().await;
    numbers.writer.close().await;
    let error = numbers.commit(1).await.unwrap_err().to_string();
    assert!(error.contains("closed"), "{error}");
}
