//! The sequence of revocations, and the logins that it grows from.

use async_trait::async_trait;
use holdfast_identity::{
    id::{Jti, Sid, UserId},
    login::{EndReason, Generation},
    revocation::{Epoch, REVOCATION_MARGIN, Revocation, Revoked},
    store::{RevocationLog, StoreError},
};
use sqlx::{Row as _, Sqlite, Transaction, sqlite::SqliteRow};
use time::OffsetDateTime;

use crate::{
    SqliteStore,
    row::{self, end_reason_text, millis},
    unavailable,
};

/// Which logins are to end.
pub(super) enum Which {
    /// One.
    One(Sid),
    /// One, if it is this person's.
    OneOf(UserId, Sid),
    /// All of a person.
    AllOf(UserId),
    /// All of a person but one.
    AllOfBut(UserId, Sid),
    /// Everybody's.
    All,
}

impl Which {
    fn condition(&self) -> (&'static str, Vec<String>) {
        match self {
            Self::One(sid) => ("sid = ?", vec![sid.to_string()]),
            Self::OneOf(user, sid) => (
                "user_id = ? AND sid = ?",
                vec![user.to_string(), sid.to_string()],
            ),
            Self::AllOf(user) => ("user_id = ?", vec![user.to_string()]),
            Self::AllOfBut(user, sid) => (
                "user_id = ? AND sid <> ?",
                vec![user.to_string(), sid.to_string()],
            ),
            Self::All => ("TRUE", Vec::new()),
        }
    }
}

/// When an entry for a login can hit nothing any more: with the login, or with its last access token where refresh tokens are all
/// else that is out, as those are of no use without a row that lives.
const HITS_UNTIL: &str = "min(expires_at, coalesce(tokens_until, expires_at))";

/// Ends logins, each with its entry in the sequence where that can hit anything; says how many. Of a login whose ticket was never
/// exchanged nothing is out, and the ticket needs the row. What the time is decides nothing: a clock that leaps and comes back must
/// not leave alive what was ended meanwhile.
pub(super) async fn end_logins(
    transaction: &mut Transaction<'_, Sqlite>,
    which: &Which,
    reason: EndReason,
    now: OffsetDateTime,
) -> Result<u64, StoreError> {
    let (condition, values) = which.condition();
    let live = format!("ended_at IS NULL AND {condition}");
    let sql = format!(
        "INSERT INTO revocations (kind, subject, expires_at) \
         SELECT 'sid', sid, {HITS_UNTIL} + ? FROM logins WHERE {live} \
             AND generation > ? ORDER BY created_at, sid"
    );
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(beyond());
    for value in &values {
        query = query.bind(value);
    }
    query = query.bind(Generation::TICKET.0);
    query
        .execute(&mut **transaction)
        .await
        .map_err(unavailable)?;
    let sql = format!("UPDATE logins SET ended_at = ?, end_reason = ? WHERE {live}");
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(millis(now))
        .bind(end_reason_text(reason));
    for value in &values {
        query = query.bind(value);
    }
    let ended = query
        .execute(&mut **transaction)
        .await
        .map_err(unavailable)?;
    Ok(ended.rows_affected())
}

fn beyond() -> i64 {
    i64::try_from(REVOCATION_MARGIN.as_millis()).unwrap_or(i64::MAX)
}

impl SqliteStore {
    /// Ends logins in a transaction of their own.
    pub(super) async fn end(
        &self,
        which: Which,
        reason: EndReason,
        now: OffsetDateTime,
    ) -> Result<u64, StoreError> {
        let mut writer = self.write().await?;
        let mut transaction = writer.begin().await?;
        let ended = end_logins(&mut transaction, &which, reason, now).await?;
        transaction.commit().await.map_err(unavailable)?;
        Ok(ended)
    }
}

#[async_trait]
impl RevocationLog for SqliteStore {
    async fn epoch(&self, fresh: Epoch) -> Result<Epoch, StoreError> {
        sqlx::query(
            "INSERT INTO epoch (id, begun_at) SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM epoch)",
        )
        .bind(&fresh.id)
        .bind(millis(fresh.begun_at))
        .execute(&mut *self.write().await?)
        .await
        .map_err(unavailable)?;
        let row = sqlx::query("SELECT id, begun_at FROM epoch")
            .fetch_one(&mut *self.write().await?)
            .await
            .map_err(unavailable)?;
        Ok(Epoch {
            id: row.try_get("id").map_err(unavailable)?,
            begun_at: row::time(&row, "begun_at")?,
        })
    }

    async fn revocations_after(
        &self,
        sequence: i64,
        limit: u32,
    ) -> Result<Vec<Revocation>, StoreError> {
        let rows = sqlx::query(
            "SELECT sequence, kind, subject, expires_at FROM revocations \
             WHERE sequence > ? ORDER BY sequence LIMIT ?",
        )
        .bind(sequence)
        .bind(limit)
        .fetch_all(&mut *self.read().await?)
        .await
        .map_err(unavailable)?;
        rows.iter().map(revocation).collect()
    }

    async fn end_epoch(&self) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM epoch")
            .execute(&mut *self.write().await?)
            .await
            .map_err(unavailable)?;
        Ok(())
    }

    async fn is_revoked(&self, jti: Jti) -> Result<bool, StoreError> {
        let found = sqlx::query("SELECT 1 FROM revocations WHERE subject = ? AND kind = 'jti'")
            .bind(jti.to_string())
            .fetch_optional(&mut *self.read().await?)
            .await
            .map_err(unavailable)?;
        Ok(found.is_some())
    }
}

fn revocation(row: &SqliteRow) -> Result<Revocation, StoreError> {
    let kind: &str = row.try_get("kind").map_err(unavailable)?;
    let revoked = match kind {
        "jti" => Revoked::Token(row::parse(row, "subject")?),
        "sid" => Revoked::Login(row::parse(row, "subject")?),
        "client_id" => Revoked::Client(row.try_get("subject").map_err(unavailable)?),
        "kid" => Revoked::Key(row.try_get("subject").map_err(unavailable)?),
        other => {
            let what = format!("a revocation of the unknown kind {other:?}");
            return Err(StoreError::Corrupt(what));
        }
    };
    Ok(Revocation {
        sequence: row.try_get("sequence").map_err(unavailable)?,
        revoked,
        expires_at: row::time(row, "expires_at")?,
    })
}
