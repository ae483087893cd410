//! Group commit: writes that wait at the same time are committed in one transaction, so that a slow disk delays all of
//! them once.

use std::{mem, sync::Arc};

use holdfast_identity::{audit::AuditEvent, store::StoreError};
use holdfast_metrics::observe;
use holdfast_store_sql::unavailable;
use holdfast_trace::child_span;
use sqlx::{
    Sqlite, SqliteConnection,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};
use tracing::{Instrument as _, Span, field::Empty};

use crate::{
    audit,
    commit_pacer::CommitPacer,
    metrics,
    pool::{ACQUIRE_TIMEOUT, Pool, PooledConnection},
    query::RunQuery as _,
};

/// Maximum number of writes that wait: the number of requests that are processed at once.
const QUEUE_LENGTH: usize = 2048;

/// A statement with its arguments.
pub(super) type Statement = Query<'static, Sqlite, SqliteArguments>;

/// A write of one operation.
pub(super) struct Write {
    /// The statement that makes the change, and returns a row if it made one.
    first: Statement,
    /// Statements that run after it, in the same transaction, if it returned a row.
    then: Vec<Statement>,
}

impl Write {
    /// Adds a statement that runs if the change was made.
    pub(super) fn then(mut self, statement: Statement) -> Self {
        self.then.push(statement);
        self
    }

    /// Adds the audit events of the change.
    pub(super) fn with_events(mut self, events: &[AuditEvent]) -> Self {
        let statements = events.iter().flat_map(audit::insert_with_signals);
        self.then.extend(statements);
        self
    }
}

impl From<Statement> for Write {
    fn from(first: Statement) -> Self {
        Self {
            first,
            then: Vec::new(),
        }
    }
}

/// The rows of its `RETURNING` clause.
pub(super) type Rows = Vec<SqliteRow>;

/// The queue of writes that wait for their commit, and the task that commits them. Clones share both.
#[derive(Clone, Debug)]
pub(super) struct GroupCommitter(mpsc::Sender<Job>);

struct Job {
    write: Write,
    queued_at: Instant,
    result: ResultSender,
    /// From the queue to the commit, in the trace of the operation, whichever others are committed with it.
    span: Span,
}

type ResultSender = oneshot::Sender<Result<Rows, StoreError>>;

impl Job {
    /// Whether it waited so long that its caller may have given up before it is committed.
    fn is_late(&self) -> bool {
        self.queued_at.elapsed() >= ACQUIRE_TIMEOUT
    }
}

impl GroupCommitter {
    /// Starts the task, which commits on the connection of `writer` and ends when this and its clones are dropped.
    pub(super) fn start(writer: Arc<Pool>) -> Self {
        let (sender, jobs) = mpsc::channel(QUEUE_LENGTH);
        tokio::spawn(commit_all(writer, jobs));
        Self(sender)
    }

    /// Runs the statements, and returns the rows of the first one when their change is on the disk. A write whose caller dropped this
    /// future before it was run is discarded, so that no write takes place after its caller has given up.
    ///
    /// # Errors
    /// When it waited for longer than [`ACQUIRE_TIMEOUT`], or it or one that was committed with it failed. Nothing has changed then.
    pub(super) async fn commit(&self, write: Write) -> Result<Rows, StoreError> {
        let stopped = || unavailable("the task that writes has stopped");
        let (sender, result) = oneshot::channel();
        let job = Job {
            write,
            queued_at: Instant::now(),
            result: sender,
            span: child_span!("group commit", writes = Empty),
        };
        self.0.send(job).await.map_err(|_| stopped())?;
        result.await.map_err(|_| stopped())?
    }
}

async fn commit_all(writer: Arc<Pool>, mut jobs: mpsc::Receiver<Job>) {
    let mut pacer = CommitPacer::new(Instant::now());
    let mut waiting = Vec::new();
    loop {
        if waiting.is_empty() {
            match jobs.recv().await {
                Some(first) => waiting.push(first),
                None => return,
            }
        }
        sleep_until(pacer.next_commit()).await;
        let acquired = writer.acquire().await;
        while let Ok(next) = jobs.try_recv() {
            waiting.push(next);
        }
        waiting.retain(|job: &Job| !job.result.is_closed());
        let late = waiting.extract_if(.., |job| job.is_late());
        let busy = || unavailable("all connections are busy");
        let error = acquired.as_ref().err().cloned().unwrap_or_else(busy);
        fail(late.map(|job| job.result), &error);
        if let Ok(mut writer) = acquired {
            commit(&mut writer, mem::take(&mut waiting)).await;
        }
        pacer.record(Instant::now());
    }
}

fn fail(results: impl IntoIterator<Item = ResultSender>, error: &StoreError) {
    for result in results {
        let _ = result.send(Err(error.clone()));
    }
}

async fn commit(connection: &mut PooledConnection<'_>, jobs: Vec<Job>) {
    metrics::WRITES.inc_by(jobs.len() as u64);
    let begun = Instant::now();
    let count = jobs.len();
    let (writes, results): (Vec<_>, Vec<_>) = jobs
        .into_iter()
        .map(|job| {
            job.span.record("writes", count);
            ((job.write, job.span.clone()), (job.result, job.span))
        })
        .unzip();
    match run_atomically(connection, writes).await {
        Ok(all_rows) => {
            for ((result, _span), rows) in results.into_iter().zip(all_rows) {
                let _ = result.send(Ok(rows));
            }
        }
        Err(error) => fail(results.into_iter().map(|(result, _span)| result), &error),
    }
    observe(&metrics::COMMITS, begun.elapsed());
}

/// Runs all writes or none.
async fn run_atomically(
    connection: &mut PooledConnection<'_>,
    writes: Vec<(Write, Span)>,
) -> Result<Vec<Rows>, StoreError> {
    // A single statement is a transaction by itself.
    if writes.len() < 2 && writes.iter().all(|(write, _)| write.then.is_empty()) {
        return run_each(connection, writes).await;
    }
    let mut transaction = connection.begin().await?;
    let rows = run_each(&mut transaction, writes).await?;
    transaction.commit().await.map_err(unavailable)?;
    Ok(rows)
}

async fn run_each(
    connection: &mut SqliteConnection,
    writes: Vec<(Write, Span)>,
) -> Result<Vec<Rows>, StoreError> {
    let mut all_rows = Vec::with_capacity(writes.len());
    for (write, span) in writes {
        all_rows.push(run(connection, write).instrument(span).await?);
    }
    Ok(all_rows)
}

async fn run(connection: &mut SqliteConnection, write: Write) -> Result<Rows, StoreError> {
    // A statement is complete only when all of its rows have been read.
    let rows = write.first.rows(connection).await?;
    if !rows.is_empty() {
        for statement in write.then {
            statement.run(connection).await?;
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests;
