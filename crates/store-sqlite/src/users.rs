//! Accounts.

use async_trait::async_trait;
use holdfast_identity::{
    account::{Account, AuthenticationVersion, PasswordHash, User, Username},
    audit::AuditEvent,
    id::{Sid, UserId},
    login::EndReason,
    store::{AccountStore, Change, StoreError},
};
use holdfast_store_sql::{
    account::{self, CREDENTIALS, PASSWORD, USER},
    column::millis,
    login_filter::LoginFilter,
};
use sqlx::{AssertSqlSafe, SqliteConnection, sqlite::SqliteRow};
use time::OffsetDateTime;

use crate::{
    SqliteStore, audit, credentials::next_version, query::RunQuery as _, revocations::end_logins,
};

impl SqliteStore {
    async fn find_account(
        &self,
        condition: &str,
        value: &str,
    ) -> Result<Option<Account>, StoreError> {
        let sql = format!(
            "SELECT {USER}, {CREDENTIALS} FROM users {PASSWORD} \
             WHERE users.{condition} = ?"
        );
        let found: Option<SqliteRow> = sqlx::query(AssertSqlSafe(sql))
            .bind(value)
            .first_row(&mut *self.read().await?)
            .await?;
        found.as_ref().map(account::account).transpose()
    }
}

/// Why disabling or enabling an account changed nothing: there is no such account, or it was done before.
pub(super) async fn unchanged(
    connection: &mut SqliteConnection,
    id: UserId,
) -> Result<Change, StoreError> {
    let found = sqlx::query("SELECT 1 FROM users WHERE id = ?")
        .bind(id.to_string())
        .first_row(connection)
        .await?;
    Ok(found.map_or(Change::NotFound, |_| Change::AlreadyApplied))
}

/// Inserts or replaces the password of an account.
async fn set_password(
    connection: &mut SqliteConnection,
    user: UserId,
    hash: &PasswordHash,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO credentials (id, user_id, kind, label, data, created_at) \
         VALUES (?1, ?1, 'password', '', ?2, ?3) ON CONFLICT (id) DO UPDATE \
         SET data = excluded.data, created_at = excluded.created_at, last_used_at = NULL",
    )
    .bind(user.to_string())
    .bind(hash.as_phc().as_bytes())
    .bind(millis(now))
    .run(connection)
    .await?;
    Ok(())
}

#[async_trait]
impl AccountStore for SqliteStore {
    async fn insert_user(
        &self,
        account: &Account,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let user = &account.user;
        let mut writer = self.write().await?;
        let mut transaction = writer.begin().await?;
        let inserted = sqlx::query(
            "INSERT INTO users (id, username, admin, authentication_version, created_at) \
             VALUES (?, ?, ?, ?, ?) ON CONFLICT (username) DO NOTHING",
        )
        .bind(user.id.to_string())
        .bind(user.username.as_str())
        .bind(user.admin)
        .bind(account.authentication_version.0)
        .bind(millis(user.created_at))
        .run(&mut transaction)
        .await?;
        if inserted == 0 {
            return Ok(false);
        }
        if let Some(hash) = &account.password_hash {
            let set_at = user.password_changed_at.unwrap_or(user.created_at);
            set_password(&mut transaction, user.id, hash, set_at).await?;
        }
        audit::commit(transaction, events).await?;
        Ok(true)
    }

    async fn account(&self, id: UserId) -> Result<Option<Account>, StoreError> {
        self.find_account("id", &id.to_string()).await
    }

    async fn account_by_name(&self, username: &Username) -> Result<Option<Account>, StoreError> {
        self.find_account("username", username.as_str()).await
    }

    async fn users_after(
        &self,
        after: Option<&Username>,
        limit: u32,
    ) -> Result<Vec<User>, StoreError> {
        let sql = format!(
            "SELECT {USER} FROM users {PASSWORD} WHERE username > ? ORDER BY username LIMIT ?"
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(after.map_or("", Username::as_str))
            .bind(limit)
            .rows(&mut *self.read().await?)
            .await?;
        rows.iter().map(account::user).collect()
    }

    async fn disable_user(
        &self,
        id: UserId,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<Change, StoreError> {
        let mut writer = self.write().await?;
        let mut transaction = writer.begin().await?;
        let updated =
            sqlx::query("UPDATE users SET disabled_at = ? WHERE id = ? AND disabled_at IS NULL")
                .bind(millis(now))
                .bind(id.to_string())
                .run(&mut transaction)
                .await?;
        // Also for an account that was disabled before, which should have no live login.
        let filter = LoginFilter::AllOf(id);
        end_logins(&mut transaction, &filter, EndReason::AccountDisabled, now).await?;
        let (change, events) = match updated {
            0 => (unchanged(&mut transaction, id).await?, [].as_slice()),
            _ => (Change::Applied, events),
        };
        audit::commit(transaction, events).await?;
        Ok(change)
    }

    async fn enable_user(&self, id: UserId, events: &[AuditEvent]) -> Result<Change, StoreError> {
        let mut writer = self.write().await?;
        let mut transaction = writer.begin().await?;
        let updated = sqlx::query(
            "UPDATE users SET disabled_at = NULL WHERE id = ? AND disabled_at IS NOT NULL",
        )
        .bind(id.to_string())
        .run(&mut transaction)
        .await?;
        if updated == 0 {
            return unchanged(&mut transaction, id).await;
        }
        audit::commit(transaction, events).await?;
        Ok(Change::Applied)
    }

    async fn delete_user(
        &self,
        id: UserId,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        let mut writer = self.write().await?;
        let mut transaction = writer.begin().await?;
        let filter = LoginFilter::AllOf(id);
        end_logins(&mut transaction, &filter, EndReason::AccountDeleted, now).await?;
        let deleted = sqlx::query("DELETE FROM users WHERE id = ?")
            .bind(id.to_string())
            .run(&mut transaction)
            .await?;
        if deleted == 0 {
            return Ok(false);
        }
        audit::commit(transaction, events).await?;
        Ok(true)
    }

    async fn replace_password(
        &self,
        id: UserId,
        from: AuthenticationVersion,
        to: &PasswordHash,
        by: Option<Sid>,
        now: OffsetDateTime,
        events: &[AuditEvent],
    ) -> Result<Option<AuthenticationVersion>, StoreError> {
        let mut writer = self.write().await?;
        let mut transaction = writer.begin().await?;
        if !next_version(&mut transaction, id, from, by, now).await? {
            return Ok(None);
        }
        set_password(&mut transaction, id, to, now).await?;
        end_logins(
            &mut transaction,
            &LoginFilter::AllOf(id),
            EndReason::PasswordChanged,
            now,
        )
        .await?;
        // An attacker who knew the old password may have stored a location with it.
        sqlx::query("DELETE FROM known_places WHERE user_id = ?")
            .bind(id.to_string())
            .run(&mut transaction)
            .await?;
        audit::commit(transaction, events).await?;
        Ok(Some(from.next()))
    }

    async fn replace_password_hash(
        &self,
        id: UserId,
        version: AuthenticationVersion,
        hash: &PasswordHash,
    ) -> Result<(), StoreError> {
        let replacement = sqlx::query(
            "UPDATE credentials SET data = ? WHERE kind = 'password' AND user_id = (\
                 SELECT id FROM users WHERE id = ? AND authentication_version = ?)",
        )
        .bind(hash.as_phc().as_bytes().to_vec())
        .bind(id.to_string())
        .bind(version.0);
        self.commit(replacement).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use holdfast_core::clock::{Clock as _, ManualClock};
    use holdfast_crypto::random::SystemRandom;
    use holdfast_identity::{
        account::CredentialKind,
        audit::{AuditKind, RequestSource},
        authentication::{Factor, KeyedHash, KnownLocations, LocationTrust},
        login::{ClientInfo, ClientKind, NewLogin},
        store::LoginStore as _,
    };
    use holdfast_store_sql::{SqlRow as _, sign_in::SignInWrites as _};

    use super::*;

    fn account() -> Account {
        let now = ManualClock::default().now();
        Account {
            user: User {
                id: UserId::random(&SystemRandom),
                username: "ada".parse().unwrap(),
                admin: false,
                disabled: false,
                second_factor_required: false,
                created_at: now,
                password_changed_at: Some(now),
            },
            password_hash: Some(PasswordHash::from_phc("old".into())),
            credentials: [CredentialKind::Password].into_iter().collect(),
            authentication_version: AuthenticationVersion(1),
        }
    }

    fn login(account: &Account) -> NewLogin {
        let now = ManualClock::default().now();
        NewLogin {
            sid: Sid::random(&SystemRandom),
            user_id: account.user.id,
            authentication_version: account.authentication_version,
            client: ClientInfo {
                kind: ClientKind::Api,
                ip_address: None,
                user_agent: None,
                device: None,
            },
            known_locations: KnownLocations::default(),
            factors: Factor::Password.into(),
            created_at: now,
            expires_at: now + time::Duration::HOUR,
            events: Vec::new(),
            surplus_event: AuditEvent {
                at: now,
                kind: AuditKind::SurplusEnded,
                user: None,
                sid: None,
                client: None,
                actor: None,
                source: RequestSource::default(),
            },
        }
    }

    #[tokio::test]
    async fn sign_in_marks_its_credential_as_used() {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&directory.path().join("auth.db"))
            .await
            .unwrap();
        let account = account();
        assert!(store.insert_user(&account, &[]).await.unwrap());
        let last_used = async || -> Option<i64> {
            let row = sqlx::query("SELECT last_used_at FROM credentials")
                .only_row(&mut store.read().await.unwrap())
                .await
                .unwrap();
            row.optional_integer("last_used_at").unwrap()
        };
        assert_eq!(last_used().await, None);
        let login = login(&account);
        assert!(store.insert_login(&login).await.unwrap().is_some());
        assert_eq!(last_used().await, Some(millis(login.created_at)));
    }

    /// A sign-in with the old password may store its location after the password is replaced or the account is deleted.
    #[tokio::test]
    async fn location_of_an_ended_login_is_not_stored() {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&directory.path().join("auth.db"))
            .await
            .unwrap();
        let (account, now) = (account(), ManualClock::default().now());
        assert!(store.insert_user(&account, &[]).await.unwrap());
        let places = KnownLocations {
            address: Some(KeyedHash([7; 16])),
            ..KnownLocations::default()
        };
        let login = NewLogin {
            known_locations: places,
            ..login(&account)
        };
        let id = account.user.id;
        let trust = async || {
            let since = now - time::Duration::HOUR;
            store.location_trust(id, places, since).await.unwrap()
        };
        assert!(store.insert_login(&login).await.unwrap().is_some());
        assert_eq!(trust().await, LocationTrust::Address);

        let (from, new) = (
            account.authentication_version,
            PasswordHash::from_phc("new".into()),
        );
        let replaced = store.replace_password(id, from, &new, None, now, &[]).await;
        assert!(replaced.unwrap().is_some());
        store.store_locations(&login).await.unwrap();
        assert_eq!(trust().await, LocationTrust::Unknown);

        assert!(store.delete_user(id, now, &[]).await.unwrap());
        store.store_locations(&login).await.unwrap();
    }
}
