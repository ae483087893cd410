//! The connections to the server, which no operation interrupts while they are opened.

use std::{sync::Arc, time::Duration};

use holdfast_identity::store::StoreError;
use sqlx::{PgPool, Postgres, pool::PoolConnection};
use tokio::{sync::Semaphore, time::timeout};

use crate::query::failed;

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
    pool: PgPool,
    /// A permit for each task, of which there are as many as connections.
    tasks: Arc<Semaphore>,
}

impl Connections {
    /// The connections of a pool whose `acquire_timeout` is [`OPEN_TIMEOUT`].
    pub(super) fn new(pool: PgPool) -> Self {
        let connections = pool.options().get_max_connections();
        let tasks = Arc::new(Semaphore::new(connections as usize));
        Self { pool, tasks }
    }

    /// A connection to a server that takes writes.
    ///
    /// # Errors
    /// There is none within half a second. An attempt to open one continues; its connection is for the next operation.
    pub(super) async fn acquire(&self) -> Result<PoolConnection<Postgres>, StoreError> {
        let acquired = timeout(ACQUIRE_TIMEOUT, async {
            // The semaphore is never closed.
            let permit = self.tasks.clone().acquire_owned().await;
            let pool = self.pool.clone();
            let task = tokio::spawn(async move {
                let acquired = pool.close_event().do_until(pool.acquire()).await?;
                drop(permit);
                acquired
            });
            task.await
        });
        match acquired.await {
            Ok(Ok(acquired)) => acquired.map_err(failed),
            // The task does not panic, and is not aborted.
            Ok(Err(_)) | Err(_) => Err(failed(sqlx::Error::PoolTimedOut)),
        }
    }

    /// Closes all connections, and interrupts those that are being opened.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}
