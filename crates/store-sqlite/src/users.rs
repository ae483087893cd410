//! Accounts.

use async_trait::async_trait;
use holdfast_identity::{
    account::{Account, PasswordHash, PasswordVersion, User, Username},
    id::{Sid, UserId},
    login::EndReason,
    store::{AccountStore, Change, StoreError},
};
use sqlx::{AssertSqlSafe, SqliteConnection, sqlite::SqliteRow};
use time::OffsetDateTime;

use crate::{
    SqliteStore,
    revocations::{Which, end_logins},
    row::{self, USER, millis},
    unavailable,
};

impl SqliteStore {
    async fn find_account(
        &self,
        condition: &str,
        value: &str,
    ) -> Result<Option<Account>, StoreError> {
        let sql = format!(
            "SELECT {USER}, password_hash, password_version FROM users WHERE {condition} = ?"
        );
        let found: Option<SqliteRow> = sqlx::query(AssertSqlSafe(sql))
            .bind(value)
            .fetch_optional(&mut *self.read().await?)
            .await
            .map_err(unavailable)?;
        found.as_ref().map(row::account).transpose()
    }
}

/// Why a switch of an account changed nothing.
async fn already_applied(
    connection: &mut SqliteConnection,
    id: UserId,
) -> Result<Change, StoreError> {
    let found = sqlx::query("SELECT 1 FROM users WHERE id = ?")
        .bind(id.to_string())
        .fetch_optional(connection)
        .await
        .map_err(unavailable)?;
    Ok(found.map_or(Change::NotFound, |_| Change::AlreadyApplied))
}

#[async_trait]
impl AccountStore for SqliteStore {
    async fn insert_user(&self, account: &Account) -> Result<bool, StoreError> {
        let user = &account.user;
        let inserted = sqlx::query(
            "INSERT INTO users (id, username, admin, password_hash, password_version, \
                                password_changed_at, created_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (username) DO NOTHING",
        )
        .bind(user.id.to_string())
        .bind(user.username.as_str())
        .bind(user.admin)
        .bind(account.password_hash.as_phc())
        .bind(account.password_version.0)
        .bind(millis(user.password_changed_at))
        .bind(millis(user.created_at))
        .execute(&mut *self.write().await?)
        .await
        .map_err(unavailable)?;
        Ok(inserted.rows_affected() == 1)
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
        let sql = format!("SELECT {USER} FROM users WHERE username > ? ORDER BY username LIMIT ?");
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(after.map_or("", Username::as_str))
            .bind(limit)
            .fetch_all(&mut *self.read().await?)
            .await
            .map_err(unavailable)?;
        rows.iter().map(row::user).collect()
    }

    async fn disable_user(&self, id: UserId, now: OffsetDateTime) -> Result<Change, StoreError> {
        let mut writer = self.write().await?;
        let mut transaction = writer.begin().await?;
        let updated =
            sqlx::query("UPDATE users SET disabled_at = ? WHERE id = ? AND disabled_at IS NULL")
                .bind(millis(now))
                .bind(id.to_string())
                .execute(&mut *transaction)
                .await
                .map_err(unavailable)?;
        // Of an account that is disabled already nothing should live; if something does, it ends now.
        let all = Which::AllOf(id);
        end_logins(&mut transaction, &all, EndReason::AccountDisabled, now).await?;
        let change = match updated.rows_affected() {
            0 => already_applied(&mut transaction, id).await?,
            _ => Change::Applied,
        };
        transaction.commit().await.map_err(unavailable)?;
        Ok(change)
    }

    async fn enable_user(&self, id: UserId) -> Result<Change, StoreError> {
        let mut writer = self.write().await?;
        let updated = sqlx::query(
            "UPDATE users SET disabled_at = NULL WHERE id = ? AND disabled_at IS NOT NULL",
        )
        .bind(id.to_string())
        .execute(&mut *writer)
        .await
        .map_err(unavailable)?;
        if updated.rows_affected() == 0 {
            return already_applied(&mut writer, id).await;
        }
        Ok(Change::Applied)
    }

    async fn delete_user(&self, id: UserId, now: OffsetDateTime) -> Result<bool, StoreError> {
        let mut writer = self.write().await?;
        let mut transaction = writer.begin().await?;
        let all = Which::AllOf(id);
        end_logins(&mut transaction, &all, EndReason::AccountDeleted, now).await?;
        let deleted = sqlx::query("DELETE FROM users WHERE id = ?")
            .bind(id.to_string())
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
        transaction.commit().await.map_err(unavailable)?;
        Ok(deleted.rows_affected() == 1)
    }

    async fn replace_password(
        &self,
        id: UserId,
        from: PasswordVersion,
        to: &PasswordHash,
        by: Option<Sid>,
        now: OffsetDateTime,
    ) -> Result<Option<PasswordVersion>, StoreError> {
        let by = by.map(|sid| sid.to_string());
        let mut writer = self.write().await?;
        let mut transaction = writer.begin().await?;
        let updated = sqlx::query(
            "UPDATE users SET password_hash = ?, password_version = ?, \
                              password_changed_at = ? \
             WHERE id = ? AND password_version = ? AND (? IS NULL OR EXISTS (\
                 SELECT 1 FROM logins WHERE sid = ? AND user_id = users.id \
                     AND ended_at IS NULL AND expires_at > ?))",
        )
        .bind(to.as_phc())
        .bind(from.next().0)
        .bind(millis(now))
        .bind(id.to_string())
        .bind(from.0)
        .bind(by.as_deref())
        .bind(by.as_deref())
        .bind(millis(now))
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
        if updated.rows_affected() == 0 {
            return Ok(None);
        }
        end_logins(
            &mut transaction,
            &Which::AllOf(id),
            EndReason::PasswordChanged,
            now,
        )
        .await?;
        // Whoever knew the old password may have made their place known with it.
        sqlx::query("DELETE FROM known_places WHERE user_id = ?")
            .bind(id.to_string())
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
        transaction.commit().await.map_err(unavailable)?;
        Ok(Some(from.next()))
    }

    async fn replace_password_hash(
        &self,
        id: UserId,
        version: PasswordVersion,
        hash: &PasswordHash,
    ) -> Result<(), StoreError> {
        let replacement =
            sqlx::query("UPDATE users SET password_hash = ? WHERE id = ? AND password_version = ?")
                .bind(hash.as_phc().to_owned())
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
        authentication::{KeyedHash, KnownLocations, LocationTrust},
        login::{ClientInfo, ClientKind, NewLogin},
        store::LoginStore as _,
    };

    use super::*;

    fn account() -> Account {
        let now = ManualClock::default().now();
        Account {
            user: User {
                id: UserId::random(&SystemRandom),
                username: "ada".parse().unwrap(),
                admin: false,
                disabled: false,
                created_at: now,
                password_changed_at: now,
            },
            password_hash: PasswordHash::from_phc("old".into()),
            password_version: PasswordVersion(1),
        }
    }

    fn login(account: &Account) -> NewLogin {
        let now = ManualClock::default().now();
        NewLogin {
            sid: Sid::random(&SystemRandom),
            user_id: account.user.id,
            password_version: account.password_version,
            client: ClientInfo {
                kind: ClientKind::Api,
                ip_address: None,
                user_agent: None,
                device: None,
            },
            known_locations: KnownLocations::default(),
            amr: &["pwd"],
            created_at: now,
            expires_at: now + time::Duration::HOUR,
        }
    }

    /// Hashing takes time: what ended meanwhile must not change a password.
    #[tokio::test]
    async fn a_login_that_ended_changes_no_password() {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&directory.path().join("auth.db"))
            .await
            .unwrap();
        let (account, now) = (account(), ManualClock::default().now());
        assert!(store.insert_user(&account).await.unwrap());
        let (live, ended) = (login(&account), login(&account));
        for login in [&live, &ended] {
            assert!(store.insert_login(login).await.unwrap().is_some());
        }
        store
            .end_login(ended.sid, EndReason::SignedOut, now)
            .await
            .unwrap();
        let new = PasswordHash::from_phc("new".into());
        let replace = async |by: Sid, at| {
            let version = account.password_version;
            let replaced = store.replace_password(account.user.id, version, &new, Some(by), at);
            replaced.await.unwrap()
        };

        assert_eq!(replace(ended.sid, now).await, None);
        assert_eq!(replace(live.sid, live.expires_at).await, None);
        assert_eq!(replace(live.sid, now).await, Some(PasswordVersion(2)));
        assert_eq!(
            replace(live.sid, now).await,
            None,
            "another password by now"
        );
    }

    /// A sign-in with the old password may be about to note its place when the password is replaced, or the account removed.
    #[tokio::test]
    async fn a_login_that_ended_makes_no_place_known() {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&directory.path().join("auth.db"))
            .await
            .unwrap();
        let (account, now) = (account(), ManualClock::default().now());
        assert!(store.insert_user(&account).await.unwrap());
        let places = KnownLocations {
            address: Some(KeyedHash([7; 16])),
            ..KnownLocations::default()
        };
        let login = NewLogin {
            known_locations: places,
            ..login(&account)
        };
        let id = account.user.id;
        let knows = async || {
            let since = now - time::Duration::HOUR;
            store.location_trust(id, places, since).await.unwrap()
        };
        assert!(store.insert_login(&login).await.unwrap().is_some());
        assert_eq!(knows().await, LocationTrust::Address);

        let (from, new) = (
            account.password_version,
            PasswordHash::from_phc("new".into()),
        );
        let replaced = store.replace_password(id, from, &new, None, now).await;
        assert!(replaced.unwrap().is_some());
        store.remember_places(&login).await.unwrap();
        assert_eq!(knows().await, LocationTrust::Unknown);

        assert!(store.delete_user(id, now).await.unwrap());
        store.remember_places(&login).await.unwrap();
    }
}
