//! Revocations in the database, as if this number of people had just signed out.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use holdfast_core::clock::{Clock as _, SystemClock};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

/// Longer than the benchmark, so that no entry is purged.
const LIFETIME: Duration = Duration::from_hours(24);

/// Written with SQL, as the service would commit each entry.
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
    /// Number of revocations
    #[arg(long)]
    count: i64,
}

/// `COUNT`
pub(crate) async fn run(options: Options) -> anyhow::Result<String> {
    let file = SqliteConnectOptions::new().filename(&options.database);
    let mut connection = SqliteConnection::connect_with(&file).await?;
    let until = (SystemClock.now() + LIFETIME).unix_timestamp() * 1000;
    let filled = sqlx::query(FILL)
        .bind(options.count)
        .bind(until)
        .execute(&mut connection)
        .await?;
    connection.close().await?;
    Ok(filled.rows_affected().to_string())
}
