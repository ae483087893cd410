//! Ends of logins, as if so many people had just signed out.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use holdfast_core::clock::{Clock as _, SystemClock};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

/// Nothing of it is pruned while it is looked at.
const REMEMBERED: Duration = Duration::from_hours(24);

/// By the schema: the service's own way commits each of them.
const FILL: &str = "
    WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < ?)
    INSERT INTO revocations (kind, subject, expires_at)
    SELECT 'sid', lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-8'
        || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))), ?
    FROM numbers";

#[derive(Args)]
pub(crate) struct Options {
    /// The database file
    #[arg(long)]
    database: PathBuf,
    /// How many
    #[arg(long)]
    count: i64,
}

/// `COUNT`
pub(crate) async fn run(options: Options) -> anyhow::Result<String> {
    let file = SqliteConnectOptions::new().filename(&options.database);
    let mut connection = SqliteConnection::connect_with(&file).await?;
    let until = (SystemClock.now() + REMEMBERED).unix_timestamp() * 1000;
    let filled = sqlx::query(FILL)
        .bind(options.count)
        .bind(until)
        .execute(&mut connection)
        .await?;
    connection.close().await?;
    Ok(filled.rows_affected().to_string())
}
