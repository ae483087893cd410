//! Writes of one statement each. Those that wait for the disk at the same moment are committed together: a slow disk is waited
//! for once for all of them, and a burst of sign-ins is as fast as their passwords are checked.

use std::{mem, sync::Arc, time::Duration};

use holdfast_identity::store::StoreError;
use sqlx::{
    Sqlite, SqliteConnection,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};

use crate::{
    pool::{ACQUIRE_TIMEOUT, Connections, PooledConnection},
    unavailable,
};

/// How many may wait: as many as there can be requests at once.
const MOST: usize = 2048;

/// How long it is, on the average, from one commit to the next while there is always something to write; each costs as much as
/// some statements do.
const INTERVAL: Duration = Duration::from_millis(20);
/// How many may follow each other at once, before whoever writes again and again waits for company.
const BURST: u32 = 8;

/// A statement with its arguments. It changes either all that it is to change or nothing.
pub(super) type Statement = Query<'static, Sqlite, SqliteArguments>;

/// What a statement returns.
pub(super) type Rows = Vec<SqliteRow>;

/// Where statements wait for their commit.
#[derive(Clone, Debug)]
pub(super) struct GroupCommitter(mpsc::Sender<Waiting>);

struct Waiting {
    statement: Statement,
    since: Instant,
    answer: Answer,
}

type Answer = oneshot::Sender<Result<Rows, StoreError>>;

impl Waiting {
    /// Whether it waited so long for its turn that its caller may have given up before it is done.
    fn is_late(&self) -> bool {
        self.since.elapsed() >= ACQUIRE_TIMEOUT
    }
}

impl GroupCommitter {
    /// Starts to commit through `writer`, until this and its clones are gone.
    pub(super) fn start(writer: Arc<Connections>) -> Self {
        let (jobs, waiting) = mpsc::channel(MOST);
        tokio::spawn(commit_all(writer, waiting));
        Self(jobs)
    }

    /// Runs the statement; once this returns, what it changed is on the disk. One whose caller stopped waiting before its turn is
    /// not run, and neither is one whose turn came too late: a write that its caller has given up must not happen later.
    pub(super) async fn commit(&self, statement: Statement) -> Result<Rows, StoreError> {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting {
            statement,
            since: Instant::now(),
            answer,
        };
        let sent = self.0.send(waiting).await;
        sent.map_err(|_| unavailable("nothing is written any more"))?;
        let answered = answered.await;
        answered.map_err(|_| unavailable("nothing is written any more"))?
    }
}

async fn commit_all(writer: Arc<Connections>, mut jobs: mpsc::Receiver<Waiting>) {
    let mut pace = CommitPacer::begin(Instant::now());
    let mut waiting = Vec::new();
    loop {
        if waiting.is_empty() {
            match jobs.recv().await {
                Some(first) => waiting.push(first),
                None => return,
            }
        }
        sleep_until(pace.next()).await;
        let taken = writer.take().await;
        while let Ok(next) = jobs.try_recv() {
            waiting.push(next);
        }
        waiting.retain(|one: &Waiting| !one.answer.is_closed());
        let late = waiting.extract_if(.., |one| one.is_late());
        let busy = || unavailable("all connections are busy");
        let why = taken.as_ref().err().cloned().unwrap_or_else(busy);
        refuse(late.map(|one| one.answer), &why);
        if let Ok(mut writer) = taken {
            commit(&mut writer, mem::take(&mut waiting)).await;
        }
        pace.note(Instant::now());
    }
}

fn refuse(answers: impl IntoIterator<Item = Answer>, why: &StoreError) {
    for answer in answers {
        let _ = answer.send(Err(why.clone()));
    }
}

async fn commit(writer: &mut PooledConnection<'_>, together: Vec<Waiting>) {
    let (statements, answers): (Vec<_>, Vec<_>) = together
        .into_iter()
        .map(|one| (one.statement, one.answer))
        .unzip();
    match run(writer, statements).await {
        Ok(outcomes) => {
            for (answer, rows) in answers.into_iter().zip(outcomes) {
                let _ = answer.send(Ok(rows));
            }
        }
        Err(error) => refuse(answers, &error),
    }
}

/// When to commit again (the generic cell rate algorithm).
struct CommitPacer {
    /// When as many may follow each other again as in the beginning.
    rested: Instant,
}

impl CommitPacer {
    const fn begin(now: Instant) -> Self {
        Self { rested: now }
    }

    fn next(&self) -> Instant {
        self.rested - INTERVAL * (BURST - 1)
    }

    fn note(&mut self, now: Instant) {
        self.rested = self.rested.max(now) + INTERVAL;
    }
}

/// All of them, or none.
async fn run(
    writer: &mut PooledConnection<'_>,
    statements: Vec<Statement>,
) -> Result<Vec<Rows>, StoreError> {
    // One alone is its own transaction.
    if statements.len() < 2 {
        return run_each(writer, statements).await;
    }
    let mut transaction = writer.begin().await?;
    let outcomes = run_each(&mut transaction, statements).await?;
    transaction.commit().await.map_err(unavailable)?;
    Ok(outcomes)
}

async fn run_each(
    connection: &mut SqliteConnection,
    statements: Vec<Statement>,
) -> Result<Vec<Rows>, StoreError> {
    let mut outcomes = Vec::with_capacity(statements.len());
    for statement in statements {
        // All rows, though there may be one: a statement is done when it came to its end.
        outcomes.push(
            statement
                .fetch_all(&mut *connection)
                .await
                .map_err(unavailable)?,
        );
    }
    Ok(outcomes)
}

#[cfg(test)]
mod tests {
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
    use crate::BUSY_TIMEOUT;

    /// A database with a table, and what commits to it.
    struct Numbers {
        directory: TempDir,
        writer: Arc<Connections>,
        commits: GroupCommitter,
    }

    async fn numbers() -> Numbers {
        let directory = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new()
            .filename(file_in(&directory))
            .create_if_missing(true)
            .busy_timeout(BUSY_TIMEOUT)
            .journal_mode(SqliteJournalMode::Wal);
        let writer = Connections::open(options, 1).await.unwrap();
        sqlx::raw_sql("CREATE TABLE numbers (number PRIMARY KEY)")
            .execute(&mut *writer.take().await.unwrap())
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

    fn insert(number: u32) -> Statement {
        sqlx::query("INSERT INTO numbers VALUES (?) RETURNING number").bind(number)
    }

    async fn count(writer: &Connections) -> u32 {
        let count = sqlx::query_scalar("SELECT count(*) FROM numbers");
        let mut writer = writer.take().await.unwrap();
        count.fetch_one(&mut *writer).await.unwrap()
    }

    /// Of the write-ahead log: a frame whose size field is not 0 ends a transaction (`SQLite` file format, §4.1).
    fn transactions(file: &Path) -> usize {
        const HEADER: usize = 32;
        const FRAME: usize = 24 + 4096;
        let log = fs::read(file.with_extension("db-wal")).unwrap();
        let frames = log[HEADER..].chunks(FRAME);
        frames.filter(|frame| frame[4..8] != [0; 4]).count()
    }

    #[test]
    fn some_commits_follow_each_other_at_once_and_many_at_a_steady_pace() {
        let mut now = Instant::now();
        let mut pace = CommitPacer::begin(now);
        for _round in 0..2 {
            for _ in 0..BURST {
                assert!(pace.next() <= now);
                pace.note(now);
            }
            for _ in 0..3 {
                assert_eq!(pace.next(), now + INTERVAL);
                now += INTERVAL;
                pace.note(now);
            }
            now += INTERVAL * BURST;
        }
    }

    #[tokio::test]
    async fn what_waits_for_the_disk_is_committed_together() {
        let Numbers {
            directory,
            writer,
            commits,
        } = numbers().await;
        let file = file_in(&directory);
        let before = transactions(&file);

        let busy = writer.take().await.unwrap();
        let mut all = join_all((0..100).map(|number| commits.commit(insert(number)))).boxed();
        assert!(all.as_mut().now_or_never().is_none());
        drop(busy);
        for rows in all.await {
            assert_eq!(rows.unwrap().len(), 1);
        }

        assert_eq!(count(&writer).await, 100);
        assert_eq!(transactions(&file) - before, 1);
    }

    #[tokio::test]
    async fn what_its_caller_gave_up_is_not_written() {
        let Numbers {
            directory: _kept,
            writer,
            commits,
        } = numbers().await;

        let busy = writer.take().await.unwrap();
        let given_up = commits.commit(insert(1)).now_or_never();
        assert!(given_up.is_none());
        drop(busy);
        commits.commit(insert(2)).await.unwrap();

        assert_eq!(count(&writer).await, 1);
    }

    #[tokio::test]
    async fn who_waited_too_long_is_refused_and_who_came_later_is_not() {
        let Numbers {
            directory: _kept,
            writer,
            commits,
        } = numbers().await;

        let busy = writer.take().await.unwrap();
        let mut early = commits.commit(insert(1)).boxed();
        assert!(early.as_mut().now_or_never().is_none());
        sleep(ACQUIRE_TIMEOUT / 2).await;
        let mut later = commits.commit(insert(2)).boxed();
        assert!(later.as_mut().now_or_never().is_none());
        let refused = early.await.unwrap_err().to_string();
        assert!(refused.contains("busy"), "{refused}");
        drop(busy);

        assert_eq!(later.await.unwrap().len(), 1);
        assert_eq!(count(&writer).await, 1);
    }

    /// `SQLite` waits for a lock by its own clock.
    #[tokio::test]
    async fn while_another_process_writes_each_is_refused_before_its_caller_gives_up() {
        let Numbers {
            directory,
            writer,
            commits,
        } = numbers().await;
        let file = file_in(&directory);
        let other = SqliteConnectOptions::new().filename(&file);
        let mut other = other.connect().await.unwrap();
        let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();

        let each = (0..4).map(async |number| {
            sleep(BUSY_TIMEOUT / 3 * number).await;
            let begun = Instant::now();
            let refused = commits.commit(insert(number)).await.is_err();
            (refused, begun.elapsed())
        });
        for (refused, took) in join_all(each).await {
            assert!(refused);
            assert!(
                took < ACQUIRE_TIMEOUT + BUSY_TIMEOUT + BUSY_TIMEOUT / 2,
                "{took:?}"
            );
        }
        lock.rollback().await.unwrap();
        commits.commit(insert(5)).await.unwrap();
        assert_eq!(count(&writer).await, 1);
    }

    #[tokio::test]
    async fn where_one_fails_nothing_is_half_done_and_the_next_go_on() {
        let Numbers {
            directory: _kept,
            writer,
            commits,
        } = numbers().await;

        let busy = writer.take().await.unwrap();
        let mut all = join_all([1, 2, 2].map(|number| commits.commit(insert(number)))).boxed();
        assert!(all.as_mut().now_or_never().is_none());
        drop(busy);
        assert!(all.await.iter().all(Result::is_err));

        assert_eq!(count(&writer).await, 0);
        commits.commit(insert(1)).await.unwrap();
        assert_eq!(count(&writer).await, 1);
    }

    #[tokio::test]
    async fn nothing_is_written_once_the_database_is_closed() {
        let Numbers {
            directory: _kept,
            writer,
            commits,
        } = numbers().await;
        writer.close().await;
        let refused = commits.commit(insert(1)).await.unwrap_err().to_string();
        assert!(refused.contains("closed"), "{refused}");
    }
}
