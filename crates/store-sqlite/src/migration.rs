//! Migration of a database file to the schema of this version.

use std::sync::LazyLock;

pub use holdfast_store_sql::migration::OpenError;
use holdfast_store_sql::migrations;
use sqlx::migrate::Migrator;

use crate::pool::Pool;

pub(super) static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    migrations![
        "0001_accounts_and_logins",
        "0002_revocations",
        "0003_key_rotation",
        "0004_audit",
        "0005_known_places",
        "0006_clients",
        "0007_device_binding",
        "0008_dpop",
        "0009_tokens_until",
        "0010_refresh_client",
        "0011_steady_time",
        "0012_grants",
        "0013_credentials",
        "0014_uniqueness",
        "0015_live_logins",
        "0016_leases",
        "0017_trace_id",
        "0018_second_factors",
        "0019_passkeys",
        "0020_trusted_browsers",
        "0021_discoverable_passkeys",
        "0022_security_events",
        "0023_bound_browsers",
        "0024_relying_parties",
        "0025_backchannel_logout",
        "0026_grants_of_login",
        "0027_pairwise_subjects",
        "0028_event_streams",
    ]
});

/// Runs the missing migrations under the write lock, so that of two processes that start at once only one migrates.
pub(super) async fn migrate(writer: &Pool) -> Result<(), OpenError> {
    let mut writer = writer.acquire().await?;
    let mut transaction = writer.begin().await?;
    match MIGRATIONS.run(&mut *transaction).await {
        Ok(()) => Ok(transaction.commit().await?),
        Err(error) => {
            let latest = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations");
            let found: Option<i64> = latest
                .fetch_one(&mut *transaction)
                .await
                .unwrap_or_default();
            let known = MIGRATIONS.iter().map(|one| one.version).max();
            let (found, known) = (found.unwrap_or_default(), known.unwrap_or_default());
            Err(OpenError::of(&error, found, known))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path, time::Duration};

    use holdfast_identity::{
        id::{GrantId, Sid},
        login::EndReason,
        revocation::{REVOCATION_MARGIN, Revoked},
        store::{GrantStore as _, LoginStore as _, Maintenance as _, RevocationLog as _},
    };
    use holdfast_store_sql::migration::file_names;
    use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
    use time::OffsetDateTime;

    use super::*;
    use crate::SqliteStore;

    /// The latest migration before grants.
    const BEFORE_GRANTS: i64 = 11;

    /// A login whose ticket was not exchanged, one whose tokens are bound to a key, and one from before `tokens_until`.
    const LOGINS_BEFORE_GRANTS: &str = "\
        INSERT INTO users (id, username, admin, password_hash, password_version, password_changed_at, created_at) \
        VALUES ('00000000-0000-4000-8000-000000000001', 'ada', 0, 'hash', 1, 0, 0); \
        INSERT INTO logins (sid, user_id, client_kind, scope, generation, refreshed_at, created_at, expires_at, jkt, tokens_until) \
        VALUES ('00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-000000000001', 'api', '', 0, 0, 0, 9000, NULL, NULL), \
               ('00000000-0000-4000-8000-00000000000b', '00000000-0000-4000-8000-000000000001', 'api', 'account', 3, 5, 1, 9000, \
                'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', 2000), \
               ('00000000-0000-4000-8000-00000000000c', '00000000-0000-4000-8000-000000000001', 'api', 'profile', 1, 0, 2, 9000, NULL, NULL)";

    fn sid(last: u8) -> Sid {
        let sid = format!("00000000-0000-4000-8000-00000000000{last:x}");
        sid.parse().unwrap()
    }

    /// Writes a file as an earlier version did: with the migrations up to `latest`, and with these rows.
    async fn write_as_of(file: &Path, latest: i64, rows: &'static str) {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let known = MIGRATIONS.iter().filter(|one| one.version <= latest);
        let earlier = Migrator {
            migrations: known.cloned().collect::<Vec<_>>().into(),
            ..Migrator::DEFAULT
        };
        earlier.run(&mut connection).await.unwrap();
        sqlx::raw_sql(rows).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    #[tokio::test]
    async fn login_from_before_grants_keeps_ticket_key_and_unknown_expiry() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("auth.db");
        write_as_of(&file, BEFORE_GRANTS, LOGINS_BEFORE_GRANTS).await;
        let store = SqliteStore::open(&file).await.unwrap();

        let grant = async |sid| store.grant(GrantId::first_of(sid)).await.unwrap();
        assert!(grant(sid(10)).await.is_none());
        assert!(store.login(sid(10)).await.unwrap().is_some());
        let (bound, ..) = grant(sid(11)).await.unwrap();
        assert_eq!(bound.key.map(|key| key.to_string()), Some("A".repeat(43)));
        assert_eq!(
            (bound.generation.0, bound.scopes.to_string()),
            (3, "account".to_owned())
        );
        let (old, ..) = grant(sid(12)).await.unwrap();
        assert!(old.key.is_none());

        let now = OffsetDateTime::UNIX_EPOCH;
        let ended = store.end_every_login(EndReason::Operator, now, &[]);
        assert_eq!(ended.await.unwrap(), 3);
        let entries = store.revocations_after(0, 10).await.unwrap().entries;
        let expiries = entries.iter().map(|entry| {
            let since = entry.expires_at - now - REVOCATION_MARGIN;
            (entry.revoked.clone(), since.unsigned_abs())
        });
        let millis = Duration::from_millis;
        let expected = [
            (Revoked::Login(sid(11)), millis(2000)),
            // As long as the login could last.
            (Revoked::Login(sid(12)), millis(9000)),
        ];
        assert_eq!(expiries.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn every_file_is_a_migration() {
        let files = std::fs::read_dir("migrations").unwrap();
        let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let files: BTreeSet<_> = files.collect();
        assert_eq!(files, file_names(&MIGRATIONS).collect());
    }

    /// The error of opening a file after this statement.
    async fn open_error_after(sql: &'static str) -> OpenError {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("auth.db");
        let store = SqliteStore::open(&file).await.unwrap();
        let mut writer = store.write().await.unwrap();
        sqlx::query(sql).execute(&mut *writer).await.unwrap();
        drop(writer);
        store.close().await;
        SqliteStore::open(&file).await.unwrap_err()
    }

    #[tokio::test]
    async fn schema_of_a_later_version_is_reported() {
        let error = open_error_after(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (9999, 'later', TRUE, x'00', 0)",
        )
        .await;
        assert!(
            matches!(error, OpenError::LaterVersion { found: 9999, .. }),
            "{error}"
        );
    }

    #[tokio::test]
    async fn changed_migration_is_reported() {
        let error =
            open_error_after("UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 2")
                .await;
        assert!(matches!(error, OpenError::OtherSchema(2)), "{error}");
    }
}
