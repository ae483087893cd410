//! The end of logins, which appends to the revocation log.

use holdfast_identity::{
    audit::AuditEvent, id::Sid, login::EndReason, signals::Initiator, store::StoreError,
};
use holdfast_store_sql::{
    column::{end_reason, millis, revocation_margin},
    login_filter::LoginFilter,
    parse,
    revocation::LOGIN_CREDENTIALS_EXPIRE_AT,
    time,
};
use sqlx::{AssertSqlSafe, PgConnection};
use time::OffsetDateTime;

use crate::{PostgresStore, audit, logout_deliveries, query::RunQuery as _, signals};

/// An SQL condition on `$1`, a text or NULL, and `$2`, a list of texts, and these.
fn condition(filter: &LoginFilter) -> (&'static str, Option<String>, Vec<String>) {
    let one = |sid: &Sid| vec![sid.to_string()];
    match filter {
        LoginFilter::These(sids) => (
            "$1::text IS NULL AND sid = ANY($2)",
            None,
            sids.iter().map(Sid::to_string).collect(),
        ),
        LoginFilter::OneOf(user, sid) => (
            "user_id = $1 AND sid = ANY($2)",
            Some(user.to_string()),
            one(sid),
        ),
        LoginFilter::AllOf(user) => (
            "user_id = $1 AND sid <> ALL($2)",
            Some(user.to_string()),
            Vec::new(),
        ),
        LoginFilter::AllOfBut(user, sid) => (
            "user_id = $1 AND sid <> ALL($2)",
            Some(user.to_string()),
            one(sid),
        ),
        LoginFilter::All => ("$1::text IS NULL AND sid <> ALL($2)", None, Vec::new()),
    }
}

/// Ends logins, appends each to the revocation log, and stores the ends of the sessions of relying parties; returns those that ended. A login whose ticket was never exchanged is not appended,
/// as it has no other credential and the ticket requires the row. Expired logins end, too: after a leap of the clock they may be valid again.
pub(super) async fn end_logins(
    connection: &mut PgConnection,
    filter: &LoginFilter,
    reason: EndReason,
    now: OffsetDateTime,
) -> Result<Vec<Sid>, StoreError> {
    let locked = lock_logins(connection, filter).await?;
    let sids = locked.into_iter().map(|(sid, _)| sid).collect();
    end_locked(connection, sids, reason, now).await
}

/// Ends logins whose rows are locked; returns them.
pub(super) async fn end_locked(
    connection: &mut PgConnection,
    ended: Vec<Sid>,
    reason: EndReason,
    now: OffsetDateTime,
) -> Result<Vec<Sid>, StoreError> {
    if ended.is_empty() {
        return Ok(ended);
    }
    let sids: Vec<_> = ended.iter().map(Sid::to_string).collect();
    sqlx::query("UPDATE logins SET ended_at = $1, end_reason = $2 WHERE sid = ANY($3)")
        .bind(millis(now))
        .bind(end_reason(reason))
        .bind(&sids)
        .run(&mut *connection)
        .await?;
    // A statement of its own, so that it sees the grants of refreshes that were committed before the rows were locked.
    let sessions =
        logout_deliveries::insertion("logins.sid = ANY($1) AND grants.ended_at IS NULL", 3);
    let signals = signals::insertion(3, 4);
    let sql = format!(
        "WITH sessions AS ({sessions}), signals AS ({signals}), ended AS MATERIALIZED (\
             SELECT sid, {LOGIN_CREDENTIALS_EXPIRE_AT} AS until, row_number() OVER (ORDER BY created_at, sid) AS place \
             FROM logins WHERE sid = ANY($1) AND EXISTS (SELECT 1 FROM grants WHERE grants.sid = logins.sid)), \
         total AS MATERIALIZED (SELECT count(*) AS entries FROM ended), \
         numbers AS MATERIALIZED (SELECT take_revocation_numbers(entries) - entries AS before FROM total WHERE entries > 0) \
         INSERT INTO revocations (sequence, kind, subject, expires_at) \
         SELECT before + place, 'sid', sid, until + $2 FROM ended, numbers"
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(&sids)
        .bind(revocation_margin())
        .bind(millis(now))
        .bind(Initiator::of(reason).as_str())
        .run(connection)
        .await?;
    Ok(ended)
}

/// Locks the logins that have not ended, in the order of their identifiers; returns each with its expiry.
pub(super) async fn lock_logins(
    connection: &mut PgConnection,
    filter: &LoginFilter,
) -> Result<Vec<(Sid, OffsetDateTime)>, StoreError> {
    let (condition, text, list) = condition(filter);
    let sql = format!(
        "SELECT sid, expires_at FROM logins WHERE ended_at IS NULL AND {condition} ORDER BY sid FOR NO KEY UPDATE"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(text)
        .bind(list)
        .rows(connection)
        .await?;
    let login = |row| Ok((parse(row, "sid")?, time(row, "expires_at")?));
    rows.iter().map(login).collect()
}

/// Appends an entry to the revocation log, which may be deleted after `expires_at`.
pub(super) async fn append(
    connection: &mut PgConnection,
    kind: &str,
    subject: &str,
    expires_at: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO revocations (sequence, kind, subject, expires_at) \
         VALUES (take_revocation_numbers(1), $1, $2, $3)",
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
        let mut connection = self.connections.acquire().await?;
        let mut transaction = connection.begin().await?;
        let ended = end_logins(&mut transaction, &filter, reason, now).await?;
        if !ended.is_empty() {
            audit::commit(transaction, events).await?;
        }
        Ok(count(&ended))
    }
}

/// The number of logins.
pub(super) fn count(logins: &[Sid]) -> u64 {
    logins.len().try_into().unwrap_or(u64::MAX)
}
