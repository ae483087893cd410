//! The end of logins, which appends to the revocation log.

use holdfast_identity::{
    audit::AuditEvent,
    id::{Sid, UserId},
    login::EndReason,
    store::StoreError,
};
use holdfast_store_sql::{
    SqlRow as _,
    column::{end_reason, millis, revocation_margin},
    revocation::LOGIN_CREDENTIALS_EXPIRE_AT,
};
use sqlx::{AssertSqlSafe, PgConnection};
use time::OffsetDateTime;

use crate::{PostgresStore, audit, query::RunQuery as _};

/// A selection of logins.
pub(super) enum LoginFilter {
    /// Logins by their `sid`.
    These(Vec<Sid>),
    /// The login with this `sid`, if it belongs to the account.
    OneOf(UserId, Sid),
    /// All logins of an account.
    AllOf(UserId),
    /// All logins of an account except one.
    AllOfBut(UserId, Sid),
    /// All logins of all accounts.
    All,
}

impl LoginFilter {
    /// An SQL condition on `$1`, a text or NULL, and `$2`, a list of texts, and these.
    fn condition(&self) -> (&'static str, Option<String>, Vec<String>) {
        let one = |sid: &Sid| vec![sid.to_string()];
        match self {
            Self::These(sids) => (
                "$1::text IS NULL AND sid = ANY($2)",
                None,
                sids.iter().map(Sid::to_string).collect(),
            ),
            Self::OneOf(user, sid) => (
                "user_id = $1 AND sid = ANY($2)",
                Some(user.to_string()),
                one(sid),
            ),
            Self::AllOf(user) => (
                "user_id = $1 AND sid <> ALL($2)",
                Some(user.to_string()),
                Vec::new(),
            ),
            Self::AllOfBut(user, sid) => (
                "user_id = $1 AND sid <> ALL($2)",
                Some(user.to_string()),
                one(sid),
            ),
            Self::All => ("$1::text IS NULL AND sid <> ALL($2)", None, Vec::new()),
        }
    }
}

/// Ends logins, and appends each to the revocation log; returns their number. A login whose ticket was never exchanged is not appended, as
/// it has no other credential and the ticket requires the row. Expired logins end, too: after a leap of the clock they may be valid again.
pub(super) async fn end_logins(
    connection: &mut PgConnection,
    filter: &LoginFilter,
    reason: EndReason,
    now: OffsetDateTime,
) -> Result<u64, StoreError> {
    let sids = lock_logins(connection, filter).await?;
    if sids.is_empty() {
        return Ok(0);
    }
    sqlx::query("UPDATE logins SET ended_at = $1, end_reason = $2 WHERE sid = ANY($3)")
        .bind(millis(now))
        .bind(end_reason(reason))
        .bind(&sids)
        .run(&mut *connection)
        .await?;
    // A statement of its own, so that it sees the grants of refreshes that were committed before the rows were locked.
    let sql = format!(
        "WITH ended AS (\
             SELECT sid, {LOGIN_CREDENTIALS_EXPIRE_AT} AS until, row_number() OVER (ORDER BY created_at, sid) AS place \
             FROM logins WHERE sid = ANY($1) AND EXISTS (SELECT 1 FROM grants WHERE grants.sid = logins.sid)), \
         counter AS (\
             UPDATE revocation_counter SET newest = newest + (SELECT count(*) FROM ended) RETURNING newest) \
         INSERT INTO revocations (sequence, kind, subject, expires_at) \
         SELECT newest - (SELECT count(*) FROM ended) + place, 'sid', sid, until + $2 FROM ended, counter"
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(&sids)
        .bind(revocation_margin())
        .run(connection)
        .await?;
    Ok(sids.len().try_into().unwrap_or(u64::MAX))
}

/// Locks the logins that have not ended, in the order of their identifiers.
async fn lock_logins(
    connection: &mut PgConnection,
    filter: &LoginFilter,
) -> Result<Vec<String>, StoreError> {
    let (condition, text, list) = filter.condition();
    let sql = format!(
        "SELECT sid FROM logins WHERE ended_at IS NULL AND {condition} ORDER BY sid FOR NO KEY UPDATE"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(text)
        .bind(list)
        .rows(connection)
        .await?;
    let sid = |row| sqlx::postgres::PgRow::text(row, "sid").map(str::to_owned);
    rows.iter().map(sid).collect()
}

/// Appends an entry to the revocation log, which may be deleted after `expires_at`.
pub(super) async fn append(
    connection: &mut PgConnection,
    kind: &str,
    subject: &str,
    expires_at: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query(
        "WITH counter AS (UPDATE revocation_counter SET newest = newest + 1 RETURNING newest) \
         INSERT INTO revocations (sequence, kind, subject, expires_at) SELECT newest, $1, $2, $3 FROM counter",
    )
    .bind(kind)
    .bind(subject)
    .bind(millis(expires_at))
    .run(connection)
    .await?;
    Ok(())
}

impl PostgresStore {
    /// Ends logins in a separate transaction, with these events if there was one; returns their number.
    pub(super) async fn end(
        &self,
        filter: LoginFilter,
        reason: EndReason,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let ended = end_logins(&mut transaction, &filter, reason, now).await?;
        if ended > 0 {
            audit::commit(transaction, events).await?;
        }
        Ok(ended)
    }
}
