//! The store on PostgreSQL, which several instances of auth-service share.
//!
//! Transactions are READ COMMITTED. What must hold together is a key, a condition of the statement that changes the row, or a row that is
//! locked while the condition is checked. A condition on a row of another table holds only while that row is locked: `FOR SHARE`. Rows of
//! several tables are locked in one order: the advisory lock of an OAuth client, users, logins, credentials, passkeys, trusted browsers, known places, clients, grants,
//! and the counter of revocations at last.

mod accounts;
mod audit;
mod clients;
mod connections;
mod consents;
mod credentials;
mod grants;
pub mod inspection;
mod keys;
mod leases;
mod login_ends;
mod logins;
mod logout_deliveries;
mod maintenance;
mod metrics;
mod migration;
mod passkeys;
mod query;
mod revocations;
mod server;
mod sign_in;
mod signals;
mod steady_time;
mod trusted_browsers;

use std::time::Duration;

use holdfast_identity::{audit::AuditEvent, store::StoreError};
use holdfast_store_sql::column::millis;
use sqlx::{
    ConnectOptions as _, Connection as _, Executor as _, PgConnection,
    postgres::{PgConnectOptions, PgPoolOptions, PgRow},
};
use time::OffsetDateTime;
use tokio::time::timeout;

use self::{
    connections::{Connections, OPEN_TIMEOUT},
    query::{RunQuery as _, Statement},
    server::{Newest, READ_ONLY_SERVER, no_answer, not_opened, require_writes},
};
pub use self::{metrics::register as register_metrics, migration::OpenError};

/// Time in which the server has to accept the first connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Rows that one statement deletes.
const DELETED_AT_ONCE: i64 = 1000;

/// Settings of each session: limits, so that no statement and no lock outlasts its caller; and what the promises of the ports need, whatever
/// the defaults of the server, the database or the user are.
const SETTINGS: &str = "SET statement_timeout = '1s'; SET lock_timeout = '500ms'; \
     SET idle_in_transaction_session_timeout = '2s'; SET default_transaction_isolation = 'read committed'; \
     SELECT set_config('synchronous_commit', 'on', FALSE) WHERE current_setting('synchronous_commit') = 'off'";

/// A database. Clones share its connections.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    connections: Connections,
}

impl PostgresStore {
    /// Connects to a database by its URL, migrates it, and keeps up to `max_connections`.
    ///
    /// # Errors
    /// When it cannot be reached, takes no writes, or was written by a later version.
    pub async fn open(url: &str, max_connections: u32) -> Result<Self, OpenError> {
        // The driver logs slow statements, with a slow server one line for each request.
        let options: PgConnectOptions = url.parse::<PgConnectOptions>()?;
        let options = options
            .disable_statement_logging()
            // PgBouncer refuses the parameter, and no column is of its type.
            .extra_float_digits(None);
        let connected = timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&options)).await;
        let connected = connected.unwrap_or_else(|_| Err(no_answer()));
        let mut connection = connected.map_err(not_opened)?;
        let newest = Newest::default();
        if !newest.accepts(&mut connection).await.map_err(not_opened)? {
            return Err(OpenError::NotAvailable(READ_ONLY_SERVER.to_owned()));
        }
        migration::migrate(&mut connection).await?;
        connection.close().await?;
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(OPEN_TIMEOUT)
            // `Newest::accepts` finds a broken connection, too.
            .test_before_acquire(false)
            .after_connect({
                let newest = newest.clone();
                move |connection, _| {
                    let newest = newest.clone();
                    Box::pin(async move {
                        connection.execute(SETTINGS).await?;
                        require_writes(&newest, connection).await
                    })
                }
            })
            .before_acquire(move |connection, _| {
                let newest = newest.clone();
                Box::pin(async move { newest.accepts(connection).await })
            })
            .connect_with(options)
            .await
            .map_err(not_opened)?;
        Ok(Self {
            connections: Connections::new(pool),
        })
    }

    /// Repeats a statement that deletes up to `$2` rows from before the time `$1` until there are none: each within the limit of a
    /// statement, however many there are.
    async fn delete_before(
        &self,
        statement: &'static str,
        before: OffsetDateTime,
    ) -> Result<(), StoreError> {
        loop {
            let deleted = sqlx::query(statement)
                .bind(millis(before))
                .bind(DELETED_AT_ONCE)
                .run(&mut *self.connections.acquire().await?)
                .await?;
            if deleted < DELETED_AT_ONCE.unsigned_abs() {
                return Ok(());
            }
        }
    }

    /// Commits a change with what follows from it and its events; returns the row of `change`, or `None` if it made none.
    async fn change(
        &self,
        change: Statement<'_>,
        then: Vec<Statement<'_>>,
        events: &[AuditEvent],
    ) -> Result<Option<PgRow>, StoreError> {
        let mut connection = self.connections.acquire().await?;
        let mut transaction = connection.begin().await?;
        let Some(row) = change.first_row(&mut *transaction).await? else {
            return Ok(None);
        };
        for statement in then {
            statement.run(&mut *transaction).await?;
        }
        audit::commit(transaction, events).await?;
        Ok(Some(row))
    }
}
