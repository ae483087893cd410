//! The connections to the server, which no operation interrupts while they are opened.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::{Duration, Instant},
};

use holdfast_identity::store::StoreError;
use holdfast_metrics::observe;
use sqlx::{
    Connection as _, Executor as _, PgConnection, PgPool, Postgres, Transaction,
    pool::PoolConnection,
};
use tokio::{sync::Semaphore, time::timeout};

use crate::{
    metrics,
    query::{answer, failed},
    server::CHECK_TIMEOUT,
};

/// The limits of one transaction that changes as many rows as there are: an operation in an emergency, which no caller repeats.
const LONG: &str = "SET LOCAL statement_timeout = '60s'; SET LOCAL lock_timeout = '5s'";

/// Time for which an operation waits for a connection. Together with the limits of a statement it is shorter than any caller's deadline.
const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(500);

/// Time in which an attempt has to end, from its turn on: the check of a connection that is there, which may be dead, and the opening of another one.
///
/// After a failover all instances open all connections at once, and each costs both sides the derivation of a key (SCRAM, RFC 5802). If
/// the operations that wait for them took their attempts along when they give up, none would be opened for as long as that takes.
pub(super) const OPEN_TIMEOUT: Duration = Duration::from_secs(5);

/// The pool, and its tasks that acquire connections. Clones share both.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    pool: Arc<PgPool>,
    /// A permit for each task, of which there are as many as connections.
    tasks: Arc<Semaphore>,
}

impl Connections {
    /// The connections of a pool whose `acquire_timeout` is [`OPEN_TIMEOUT`].
    pub(super) fn new(pool: PgPool) -> Self {
        let connections = pool.options().get_max_connections();
        let tasks = Arc::new(Semaphore::new(connections as usize));
        let pool = Arc::new(pool);
        metrics::measure(Arc::downgrade(&pool));
        Self { pool, tasks }
    }

    /// A connection to a server that takes writes.
    ///
    /// # Errors
    /// There is none within half a second. An attempt to open one continues; its connection is for the next operation.
    pub(super) async fn acquire(&self) -> Result<PooledConnection, StoreError> {
        let begun = Instant::now();
        let acquired = timeout(ACQUIRE_TIMEOUT, async {
            // The semaphore is never closed.
            let permit = self.tasks.clone().acquire_owned().await;
            let pool = PgPool::clone(&self.pool);
            let task = tokio::spawn(async move {
                let acquired = pool.close_event().do_until(pool.acquire()).await?;
                drop(permit);
                acquired.map(PooledConnection)
            });
            task.await
        });
        let acquired = acquired.await;
        observe(&metrics::WAITS, begun.elapsed());
        // The task does not panic, and is not aborted.
        if let Ok(Ok(acquired)) = acquired {
            return acquired.map_err(failed);
        }
        metrics::TIMEOUTS.inc();
        Err(failed(sqlx::Error::PoolTimedOut))
    }

    /// Closes all connections, and interrupts those that are being opened.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

/// A connection of the pool.
#[derive(Debug)]
pub(super) struct PooledConnection(PoolConnection<Postgres>);

impl PooledConnection {
    /// Starts a transaction.
    pub(super) async fn begin(&mut self) -> Result<Transaction<'_, Postgres>, StoreError> {
        answer(self.0.begin()).await
    }

    /// Starts the transaction of a [`long`](crate::query::long) operation.
    pub(super) async fn begin_long(&mut self) -> Result<Transaction<'_, Postgres>, StoreError> {
        let mut transaction = self.begin().await?;
        answer(transaction.execute(LONG)).await?;
        Ok(transaction)
    }
}

impl Deref for PooledConnection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl DerefMut for PooledConnection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}

/// Returns the connection to the pool when it has answered, after a rollback where one is due, and closes it otherwise. The pool itself would
/// wait without a limit for a server that is gone, and count the connection as used until TCP gives up.
impl Drop for PooledConnection {
    fn drop(&mut self) {
        tokio::spawn(timeout(CHECK_TIMEOUT, self.0.return_to_pool()));
    }
}

#[cfg(test)]
mod tests {
    use holdfast_metrics::{Registry, encode};
    use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn pool_is_measured_and_so_is_the_wait_for_a_connection() {
        // It accepts connections, and does not answer.
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = server.local_addr().unwrap().port();
        let mut registry = Registry::default();
        metrics::register(&mut registry);
        let before = encode(&registry);
        assert!(
            before.contains("postgres_connection_slots 0.0\n"),
            "{before}"
        );

        let options = PgConnectOptions::new_without_pgpass();
        let options = options.host("127.0.0.1").port(port);
        let pool = PgPoolOptions::new().max_connections(7);
        let connections = Connections::new(pool.connect_lazy_with(options));
        connections.acquire().await.unwrap_err();

        let text = encode(&registry);
        for series in [
            "postgres_connections{state=\"in_use\"} 1.0\n",
            "postgres_connections{state=\"idle\"} 0.0\n",
            "postgres_connection_slots 7.0\n",
            "postgres_connection_timeouts_total 1\n",
            "postgres_connection_wait_seconds_count 1\n",
        ] {
            assert!(text.contains(series), "{series}{text}");
        }
        connections.close().await;
    }
}
