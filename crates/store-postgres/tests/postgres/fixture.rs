//! Rows for the tests of the server.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use holdfast_core::random::Random;
use holdfast_identity::{
    account::{Account, AuthenticationVersion, PasswordHash, User},
    audit::{AuditEvent, AuditKind, RequestSource},
    authentication::{Factor, KnownLocations},
    id::{GrantId, Sid, UserId},
    login::{ClientInfo, ClientKind, Generation, NewGrant, NewLogin, Rotation},
    oauth::ClientId,
    store::{AccountStore as _, GrantStore as _, LoginStore as _, StoreError},
};
use holdfast_store_postgres::PostgresStore;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use time::OffsetDateTime;

pub(crate) const NOW: OffsetDateTime = time::macros::datetime!(2027-01-01 12:00 UTC);
pub(crate) const HOUR: Duration = Duration::from_hours(1);

/// Numbers in place of random bytes.
pub(crate) struct Counted(AtomicU64);

impl Random for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        for (byte, value) in bytes.iter_mut().zip(number.to_be_bytes().iter().cycle()) {
            *byte = *value;
        }
    }
}

pub(crate) static RANDOM: Counted = Counted(AtomicU64::new(1));

pub(crate) async fn execute(url: &str, sql: String) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection.execute(AssertSqlSafe(sql)).await.unwrap();
}

/// Until an operation waits for a lock.
pub(crate) async fn wait_for_lock(url: &str) {
    let mut observer = PgConnection::connect(url).await.unwrap();
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND \
         (database IS NULL OR database = (SELECT oid FROM pg_database WHERE datname = current_database()))";
    while sqlx::query_scalar::<_, i64>(waiting)
        .fetch_one(&mut observer)
        .await
        .unwrap()
        == 0
    {
        tokio::task::yield_now().await;
    }
}

pub(crate) fn event(kind: AuditKind) -> AuditEvent {
    AuditEvent {
        at: NOW,
        kind,
        user: None,
        sid: None,
        client: None,
        actor: None,
        source: RequestSource::default(),
    }
}

pub(crate) fn program() -> ClientInfo {
    ClientInfo {
        kind: ClientKind::Api,
        ip_address: None,
        user_agent: None,
        device: None,
    }
}

pub(crate) async fn account(store: &PostgresStore, name: &str) -> Account {
    let account = Account {
        user: User {
            id: UserId::random(&RANDOM),
            username: name.parse().unwrap(),
            admin: false,
            disabled: false,
            created_at: NOW,
            password_changed_at: Some(NOW),
        },
        password_hash: Some(PasswordHash::from_phc("hash".to_owned())),
        authentication_version: AuthenticationVersion(1),
    };
    assert!(store.insert_user(&account, &[]).await.unwrap());
    account
}

/// A login with its first grant; `None` if the account may not sign in at this moment.
pub(crate) async fn sign_in(
    store: &PostgresStore,
    account: &Account,
) -> Result<Option<Sid>, StoreError> {
    let login = NewLogin {
        sid: Sid::random(&RANDOM),
        user_id: account.user.id,
        authentication_version: account.authentication_version,
        client: program(),
        known_locations: KnownLocations::default(),
        factors: Factor::Password.into(),
        created_at: NOW,
        expires_at: NOW + HOUR,
        events: vec![event(AuditKind::SignedIn)],
        surplus_event: event(AuditKind::SurplusEnded),
    };
    if store.insert_login(&login).await?.is_none() {
        return Ok(None);
    }
    grant(
        store,
        login.sid,
        GrantId::first_of(login.sid),
        ClientId::first_party(),
    )
    .await?;
    Ok(Some(login.sid))
}

pub(crate) async fn grant(
    store: &PostgresStore,
    sid: Sid,
    id: GrantId,
    client: ClientId,
) -> Result<bool, StoreError> {
    let grant = NewGrant {
        id,
        sid,
        client,
        scopes: "profile".parse().unwrap(),
        audience: None,
        key: None,
        source: program(),
        tokens_until: Some(NOW + HOUR),
        created_at: NOW,
        events: Vec::new(),
    };
    store.insert_grant(&grant).await
}

pub(crate) async fn advance(
    store: &PostgresStore,
    sid: Sid,
    from: i64,
) -> Result<bool, StoreError> {
    let rotation = Rotation {
        client: &program(),
        tokens_until: NOW + HOUR,
    };
    let events = [event(AuditKind::Refreshed)];
    let from = (GrantId::first_of(sid), Generation(from));
    store.advance(from, &rotation, NOW, &events).await
}
