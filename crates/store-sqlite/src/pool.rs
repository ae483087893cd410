//! The connections to a database file.
//!
//! `sqlx` has a pool, too. That one asks each connection that comes back whether it is well: with `SQLite`, to whom there is no
//! network, a second switch to the connection's thread and back, for as much as most questions cost themselves.

use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};

use holdfast_identity::store::StoreError;
use sqlx::{
    ConnectOptions as _, Connection as _, Sqlite, SqliteConnection, Transaction,
    sqlite::SqliteConnectOptions,
};
use tokio::{
    sync::{MappedMutexGuard, Mutex, MutexGuard, Semaphore, SemaphorePermit},
    time::timeout,
};

use crate::unavailable;

/// How long to wait for a connection.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(500);

/// So many connections, opened when they are needed, and kept.
#[derive(Debug)]
pub(super) struct Connections {
    options: SqliteConnectOptions,
    places: Vec<Mutex<Option<SqliteConnection>>>,
    /// As many as there are places that nobody has locked.
    permits: Semaphore,
}

impl Connections {
    /// Opens the first of `most`.
    pub(super) async fn open(
        options: SqliteConnectOptions,
        most: usize,
    ) -> Result<Self, sqlx::Error> {
        let mut first = Some(options.connect().await?);
        Ok(Self {
            options,
            places: (0..most).map(|_| Mutex::new(first.take())).collect(),
            permits: Semaphore::new(most),
        })
    }

    /// One that nobody uses, as soon as there is one.
    pub(super) async fn take(&self) -> Result<PooledConnection<'_>, StoreError> {
        let permit = timeout(ACQUIRE_TIMEOUT, self.permits.acquire()).await;
        let permit = permit
            .map_err(|_| unavailable("all connections are busy"))?
            .map_err(|_| unavailable("the database is closed"))?;
        let free = self.places.iter().find_map(|place| place.try_lock().ok());
        let mut place = free.ok_or_else(|| unavailable("all connections are busy"))?;
        if let Some(connection) = &mut *place
            && !is_in_order(connection).await
        {
            *place = None;
        }
        if place.is_none() {
            *place = Some(self.options.connect().await.map_err(unavailable)?);
        }
        let connection = MutexGuard::try_map(place, Option::as_mut);
        Ok(PooledConnection {
            connection: connection.map_err(|_| unavailable("there is no connection"))?,
            _permit: permit,
        })
    }

    /// Closes them all, once nobody uses them.
    pub(super) async fn close(&self) {
        let all = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        let _nobody_uses_any = self.permits.acquire_many(all).await;
        self.permits.close();
        for place in &self.places {
            if let Some(connection) = place.lock().await.take() {
                let _ = connection.close().await;
            }
        }
    }
}

/// Whether no transaction is left over. One that was given up may be about to be rolled back. But a full disk makes `SQLite` end
/// a transaction by itself, and the connection waits for that end forever.
async fn is_in_order(connection: &mut SqliteConnection) -> bool {
    !connection.is_in_transaction()
        || (connection.ping().await.is_ok() && !connection.is_in_transaction())
}

/// A connection, for as long as this lives.
pub(super) struct PooledConnection<'a> {
    connection: MappedMutexGuard<'a, SqliteConnection>,
    /// Goes back after the connection.
    _permit: SemaphorePermit<'a>,
}

impl PooledConnection<'_> {
    /// A transaction that takes the write lock at once, so that it cannot fail half way for want of it.
    pub(super) async fn begin(&mut self) -> Result<Transaction<'_, Sqlite>, StoreError> {
        let begun = self.connection.begin_with("BEGIN IMMEDIATE").await;
        begun.map_err(unavailable)
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

    async fn one() -> Arc<Connections> {
        let options = SqliteConnectOptions::new().in_memory(true);
        Arc::new(Connections::open(options, 1).await.unwrap())
    }

    async fn tables(connections: &Connections) -> i64 {
        let mut taken = connections.take().await.unwrap();
        let count = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema");
        count.fetch_one(&mut *taken).await.unwrap()
    }

    #[tokio::test]
    async fn what_was_given_up_half_way_is_undone_and_the_connection_stays() {
        let connections = one().await;
        let mut taken = connections.take().await.unwrap();
        sqlx::raw_sql("CREATE TABLE kept (x)")
            .execute(&mut *taken)
            .await
            .unwrap();
        let mut transaction = taken.begin().await.unwrap();
        sqlx::raw_sql("CREATE TABLE given_up (x)")
            .execute(&mut *transaction)
            .await
            .unwrap();
        drop(transaction);
        drop(taken);
        assert_eq!(tables(&connections).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_them_all_busy_waits_but_not_for_long() {
        let connections = one().await;
        let taken = connections.take().await.unwrap();
        let refused = connections.take().await.err().unwrap().to_string();
        assert!(refused.contains("busy"), "{refused}");

        let waiting = Arc::clone(&connections);
        let waiting = tokio::spawn(async move { tables(&waiting).await });
        tokio::task::yield_now().await;
        drop(taken);
        assert_eq!(waiting.await.unwrap(), 0);
    }

    #[tokio::test]
    async fn closing_waits_for_who_is_not_done_and_lets_nobody_else_in() {
        let connections = one().await;
        let taken = connections.take().await.unwrap();
        let closing = Arc::clone(&connections);
        let closing = tokio::spawn(async move { closing.close().await });
        tokio::task::yield_now().await;
        let late = Arc::clone(&connections);
        let late = tokio::spawn(async move { late.take().await.err().map(|why| why.to_string()) });
        tokio::task::yield_now().await;
        assert!(!closing.is_finished());
        drop(taken);
        closing.await.unwrap();
        let refused = late.await.unwrap().unwrap();
        assert!(refused.contains("closed"), "{refused}");
    }
}
