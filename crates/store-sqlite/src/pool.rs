//! A pool of connections to a database file.
//!
//! The pool of `sqlx` pings each connection that is returned. With `SQLite`, which has no network, that is a second switch to the
//! connection's thread and back, which costs as much as most queries.

use std::{
    ops::{Deref, DerefMut},
    time::{Duration, Instant},
};

use holdfast_identity::store::StoreError;
use holdfast_metrics::{InProgress, observe};
use holdfast_store_sql::unavailable;
use sqlx::{
    ConnectOptions as _, Connection as _, Sqlite, SqliteConnection, Transaction,
    sqlite::SqliteConnectOptions,
};
use tokio::{
    sync::{MappedMutexGuard, Mutex, MutexGuard, Semaphore, SemaphorePermit},
    time::timeout,
};

use crate::metrics::{PoolKind, PoolMetrics};

/// Time for which [`Pool::acquire`] waits for a free connection.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(500);

/// A fixed number of connections, which are opened when they are first needed and then kept.
#[derive(Debug)]
pub(super) struct Pool {
    options: SqliteConnectOptions,
    /// `None` in a slot: its connection is not open.
    slots: Vec<Mutex<Option<SqliteConnection>>>,
    /// One for each slot that is not locked.
    permits: Semaphore,
    metrics: PoolMetrics,
}

impl Pool {
    /// Opens the first of `size` connections.
    pub(super) async fn open(
        options: SqliteConnectOptions,
        kind: PoolKind,
        size: usize,
    ) -> Result<Self, sqlx::Error> {
        let mut first = Some(options.connect().await?);
        Ok(Self {
            options,
            slots: (0..size).map(|_| Mutex::new(first.take())).collect(),
            permits: Semaphore::new(size),
            metrics: PoolMetrics::new(kind, size),
        })
    }

    /// Waits for a connection that is not in use, and reserves it.
    ///
    /// # Errors
    /// When none becomes free within [`ACQUIRE_TIMEOUT`], the pool is closed, or the file cannot be opened.
    pub(super) async fn acquire(&self) -> Result<PooledConnection<'_>, StoreError> {
        let begun = Instant::now();
        let permit = timeout(ACQUIRE_TIMEOUT, self.permits.acquire()).await;
        observe(&self.metrics.waits, begun.elapsed());
        let permit = permit
            .map_err(|_| unavailable("all connections are busy"))?
            .map_err(|_| unavailable("the database is closed"))?;
        let free = self.slots.iter().find_map(|slot| slot.try_lock().ok());
        let mut slot = free.ok_or_else(|| unavailable("all connections are busy"))?;
        if let Some(connection) = &mut *slot
            && !is_usable(connection).await
        {
            *slot = None;
        }
        if slot.is_none() {
            *slot = Some(self.options.connect().await.map_err(unavailable)?);
        }
        let connection = MutexGuard::try_map(slot, Option::as_mut);
        Ok(PooledConnection {
            connection: connection.map_err(|_| unavailable("there is no connection"))?,
            _in_use: self.metrics.use_connection(),
            _permit: permit,
        })
    }

    /// Waits until no connection is in use, and closes all. Later calls of [`acquire`](Self::acquire) fail.
    pub(super) async fn close(&self) {
        let all = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        let _none_in_use = self.permits.acquire_many(all).await;
        self.permits.close();
        for slot in &self.slots {
            if let Some(connection) = slot.lock().await.take() {
                let _ = connection.close().await;
            }
        }
    }
}

/// Whether a connection has no open transaction. An abandoned one may still have to be rolled back, which the ping waits for. But on a
/// full disk `SQLite` ends a transaction by itself, and the driver then considers it open forever.
async fn is_usable(connection: &mut SqliteConnection) -> bool {
    !connection.is_in_transaction()
        || (connection.ping().await.is_ok() && !connection.is_in_transaction())
}

/// A reserved connection, which is free again when this is dropped.
pub(super) struct PooledConnection<'a> {
    connection: MappedMutexGuard<'a, SqliteConnection>,
    _in_use: InProgress<'a>,
    /// Dropped after the connection, so that a permit means a free slot.
    _permit: SemaphorePermit<'a>,
}

impl PooledConnection<'_> {
    /// Starts a transaction that acquires the write lock at once, so that none of its statements can fail for want of it.
    pub(super) async fn begin(&mut self) -> Result<Transaction<'_, Sqlite>, StoreError> {
        let begun = self.connection.begin_with("BEGIN IMMEDIATE").await;
        begun.map_err(unavailable)
    }

    /// Starts a transaction whose queries read one state of the database.
    pub(super) async fn begin_read(&mut self) -> Result<Transaction<'_, Sqlite>, StoreError> {
        self.connection.begin().await.map_err(unavailable)
    }
}

impl Deref for PooledConnection<'_> {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl DerefMut for PooledConnection<'_> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    async fn pool_of_one() -> Arc<Pool> {
        let options = SqliteConnectOptions::new().in_memory(true);
        Arc::new(Pool::open(options, PoolKind::Write, 1).await.unwrap())
    }

    async fn count_tables(pool: &Pool) -> i64 {
        let mut connection = pool.acquire().await.unwrap();
        let count = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema");
        count.fetch_one(&mut *connection).await.unwrap()
    }

    #[tokio::test]
    async fn abandoned_transaction_is_rolled_back_and_its_connection_kept() {
        let pool = pool_of_one().await;
        let mut connection = pool.acquire().await.unwrap();
        sqlx::raw_sql("CREATE TABLE kept (x)")
            .execute(&mut *connection)
            .await
            .unwrap();
        let mut transaction = connection.begin().await.unwrap();
        sqlx::raw_sql("CREATE TABLE abandoned (x)")
            .execute(&mut *transaction)
            .await
            .unwrap();
        drop(transaction);
        drop(connection);
        assert_eq!(count_tables(&pool).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn acquire_waits_for_a_busy_connection_until_the_timeout() {
        let pool = pool_of_one().await;
        let connection = pool.acquire().await.unwrap();
        let error = pool.acquire().await.err().unwrap().to_string();
        assert!(error.contains("busy"), "{error}");

        let waiting = Arc::clone(&pool);
        let waiting = tokio::spawn(async move { count_tables(&waiting).await });
        tokio::task::yield_now().await;
        drop(connection);
        assert_eq!(waiting.await.unwrap(), 0);
    }

    #[tokio::test]
    async fn close_waits_for_connections_in_use_and_rejects_later_callers() {
        let pool = pool_of_one().await;
        let connection = pool.acquire().await.unwrap();
        let closing = Arc::clone(&pool);
        let closing = tokio::spawn(async move { closing.close().await });
        tokio::task::yield_now().await;
        let late = Arc::clone(&pool);
        let late =
            tokio::spawn(async move { late.acquire().await.err().map(|why| why.to_string()) });
        tokio::task::yield_now().await;
        assert!(!closing.is_finished());
        drop(connection);
        closing.await.unwrap();
        let error = late.await.unwrap().unwrap();
        assert!(error.contains("closed"), "{error}");
    }
}
