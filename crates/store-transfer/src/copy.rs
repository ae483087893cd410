//! Copies the rows of one table after the other.

use futures_util::TryStreamExt as _;
use sqlx::{
    AssertSqlSafe, PgConnection, Postgres, QueryBuilder, Row as _, SqliteConnection,
    query_builder::Separated, sqlite::SqliteRow,
};

use crate::{
    error::TransferError,
    table::{ColumnType, Table},
};

/// Rows of one statement. A statement has at most 65,535 arguments.
const CHUNK: usize = 1000;

/// A column that makes a table have one row; it has another type in each store, and always the same value.
const ONLY_ROW: &str = "only_row";

/// A column of a table.
struct Column {
    name: String,
    kind: ColumnType,
}

/// The open transactions of both databases.
pub(crate) struct Copier<'a> {
    pub(crate) source: &'a mut SqliteConnection,
    pub(crate) target: &'a mut PgConnection,
}

impl Copier<'_> {
    /// Requires that the target has no account, and deletes the rows that its migrations inserted.
    pub(crate) async fn require_empty_target(&mut self) -> Result<(), TransferError> {
        let users: i64 = sqlx::query_scalar("SELECT count(*) FROM users")
            .fetch_one(&mut *self.target)
            .await?;
        if users > 0 {
            return Err(TransferError::TargetInUse);
        }
        sqlx::raw_sql(
            "DELETE FROM clients; DELETE FROM signing_keys; DELETE FROM secret_keys; DELETE FROM epoch; \
             DELETE FROM steady_time; DELETE FROM revocations; DELETE FROM audit_events",
        )
        .execute(&mut *self.target)
        .await?;
        Ok(())
    }

    /// Copies a table, and returns the number of its rows.
    pub(crate) async fn copy(&mut self, table: &Table) -> Result<u64, TransferError> {
        let columns = self.columns(table).await?;
        let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
        let names = names.join(", ");
        let select = format!(
            "SELECT {names} FROM {} ORDER BY {}",
            table.name, table.order
        );
        let mut rows = sqlx::query(AssertSqlSafe(select)).fetch(&mut *self.source);
        let mut chunk = Vec::with_capacity(CHUNK);
        let (mut expected, mut is_at_end) = (0, false);
        while !is_at_end {
            match rows.try_next().await? {
                Some(row) => chunk.push(row),
                None => is_at_end = true,
            }
            if chunk.len() == CHUNK || (is_at_end && !chunk.is_empty()) {
                insert(self.target, (table.name, &names), &columns, &chunk).await?;
                expected += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
                chunk.clear();
            }
        }
        drop(rows);
        let written = self.count(table.name).await?;
        if written == expected {
            Ok(written)
        } else {
            Err(TransferError::Count {
                table: table.name,
                expected,
                written,
            })
        }
    }

    /// Continues the numbers of the revocation log, of audit events and of security events where the source was.
    pub(crate) async fn continue_numbers(&mut self) -> Result<(), TransferError> {
        let last = async |source: &mut SqliteConnection, table: &str| {
            let last = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = ?), 0)";
            sqlx::query_scalar::<_, i64>(last)
                .bind(table)
                .fetch_one(source)
                .await
        };
        let newest = last(self.source, "revocations").await?;
        sqlx::query("UPDATE revocation_counter SET newest = $1")
            .bind(newest)
            .execute(&mut *self.target)
            .await?;
        for table in ["audit_events", "stream_events"] {
            let latest = last(self.source, table).await?;
            sqlx::query("SELECT setval(pg_get_serial_sequence($1, 'id'), $2, FALSE)")
                .bind(table)
                .bind(latest + 1)
                .execute(&mut *self.target)
                .await?;
        }
        Ok(())
    }

    /// The columns of a table, which both databases have.
    async fn columns(&mut self, table: &Table) -> Result<Vec<Column>, TransferError> {
        let differ = || TransferError::OtherColumns(table.name);
        let found: Vec<(String, String)> = sqlx::query_as(
            "SELECT column_name::text, data_type::text FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name = $1 AND column_name <> $2 ORDER BY 1",
        )
        .bind(table.name)
        .bind(ONLY_ROW)
        .fetch_all(&mut *self.target)
        .await?;
        let names: Vec<(String,)> =
            sqlx::query_as("SELECT name FROM pragma_table_info(?) WHERE name <> ? ORDER BY name")
                .bind(table.name)
                .bind(ONLY_ROW)
                .fetch_all(&mut *self.source)
                .await?;
        let is_same = names
            .iter()
            .map(|(name,)| name)
            .eq(found.iter().map(|(name, _)| name));
        if !is_same {
            return Err(differ());
        }
        let columns = found.into_iter().map(|(name, kind)| {
            let kind = ColumnType::of(&kind).ok_or_else(differ)?;
            Ok(Column { name, kind })
        });
        columns.collect()
    }

    async fn count(&mut self, table: &str) -> Result<u64, TransferError> {
        let count = format!("SELECT count(*) FROM {table}");
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(count))
            .fetch_one(&mut *self.target)
            .await?;
        Ok(count.try_into().unwrap_or_default())
    }
}

async fn insert(
    target: &mut PgConnection,
    (table, names): (&str, &str),
    columns: &[Column],
    rows: &[SqliteRow],
) -> Result<(), TransferError> {
    let insert = format!("INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE ");
    let mut query = QueryBuilder::<Postgres>::new(insert);
    let mut result = Ok(());
    query.push_values(rows, |mut values, row| {
        for column in columns {
            if let Err(error) = push(&mut values, row, column) {
                result = Err(error);
            }
        }
    });
    result?;
    query.build().execute(target).await?;
    Ok(())
}

fn push(
    values: &mut Separated<'_, Postgres, &'static str>,
    row: &SqliteRow,
    column: &Column,
) -> Result<(), sqlx::Error> {
    let name = column.name.as_str();
    match column.kind {
        ColumnType::Text => values.push_bind(row.try_get::<Option<String>, _>(name)?),
        ColumnType::Integer => values.push_bind(row.try_get::<Option<i64>, _>(name)?),
        ColumnType::Boolean => values.push_bind(row.try_get::<Option<bool>, _>(name)?),
        ColumnType::Bytes => values.push_bind(row.try_get::<Option<Vec<u8>>, _>(name)?),
    };
    Ok(())
}
