//! What a server does that a file does not: standbys, several instances that start, locks.

use std::{sync::Arc, time::Duration};

use holdfast_core::random::Random;
use holdfast_identity::{
    account::{Account, AuthenticationVersion, PasswordHash, User},
    audit::{AuditEvent, AuditKind, RequestSource},
    authentication::{Factor, KnownLocations},
    id::{GrantId, Jti, Sid, UserId},
    login::{ClientInfo, ClientKind, EndReason, Generation, NewGrant, NewLogin, Rotation},
    oauth::{ClientAuthMethod, ClientId, OauthClient},
    store::{
        AccountStore as _, ClientStore as _, GrantStore as _, LoginStore as _, Maintenance as _,
        RevocationLog as _, StoreError,
    },
};
use holdfast_store_postgres::{OpenError, PostgresStore};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use time::OffsetDateTime;
use tokio::task::JoinSet;

use crate::subject::{CONNECTIONS, new_database};

const NOW: OffsetDateTime = time::macros::datetime!(2027-01-01 12:00 UTC);
const HOUR: Duration = Duration::from_hours(1);

/// Numbers in place of random bytes.
struct Counted(std::sync::atomic::AtomicU64);

impl Random for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        for (byte, value) in bytes.iter_mut().zip(number.to_be_bytes().iter().cycle()) {
            *byte = *value;
        }
    }
}

static RANDOM: Counted = Counted(std::sync::atomic::AtomicU64::new(1));

async fn execute(url: &str, sql: String) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection.execute(AssertSqlSafe(sql)).await.unwrap();
}

fn event(kind: AuditKind) -> AuditEvent {
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

fn program() -> ClientInfo {
    ClientInfo {
        kind: ClientKind::Api,
        ip_address: None,
        user_agent: None,
        device: None,
    }
}

async fn account(store: &PostgresStore, name: &str) -> Account {
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
async fn sign_in(store: &PostgresStore, account: &Account) -> Result<Option<Sid>, StoreError> {
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

async fn grant(
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

async fn advance(store: &PostgresStore, sid: Sid, from: i64) -> Result<bool, StoreError> {
    let rotation = Rotation {
        client: &program(),
        tokens_until: NOW + HOUR,
    };
    let events = [event(AuditKind::Refreshed)];
    let from = (GrantId::first_of(sid), Generation(from));
    store.advance(from, &rotation, NOW, &events).await
}

fn name_of(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

#[tokio::test]
async fn server_that_takes_no_writes_is_refused_and_used_again_later() {
    let url = new_database().await;
    let store = PostgresStore::open(&url, CONNECTIONS).await.unwrap();
    store.ping().await.unwrap();
    let set = |value| {
        let name = name_of(&url);
        format!(
            "ALTER DATABASE {name} SET default_transaction_read_only = {value}; \
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = '{name}' AND pid <> pg_backend_pid()"
        )
    };
    // The connections that are open are gone with their server; new ones lead to one that takes no writes.
    execute(&url, set("on")).await;
    assert!(store.ping().await.is_err());
    let refused = PostgresStore::open(&url, CONNECTIONS).await;
    assert!(matches!(refused, Err(OpenError::Store(_))), "{refused:?}");
    let server = url.rsplit_once('/').unwrap().0;
    execute(&format!("{server}/postgres"), set("off")).await;
    store.ping().await.unwrap();
}

#[tokio::test]
async fn instances_that_start_at_once_migrate_once() {
    let url = new_database().await;
    let mut instances = JoinSet::new();
    for _ in 0..4 {
        let url = url.clone();
        // The future of the migrator is not `Send`.
        instances.spawn_blocking(move || {
            let runtime = tokio::runtime::Handle::current();
            runtime.block_on(async {
                let store = PostgresStore::open(&url, CONNECTIONS).await.unwrap();
                store.ping().await.unwrap();
            });
        });
    }
    instances.join_all().await;
}

#[tokio::test]
async fn schema_of_a_later_version_is_reported() {
    let url = new_database().await;
    PostgresStore::open(&url, CONNECTIONS).await.unwrap();
    let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'later', TRUE, '', 0)";
    execute(&url, later.to_owned()).await;
    let refused = PostgresStore::open(&url, CONNECTIONS).await;
    let is_later = matches!(refused, Err(OpenError::LaterVersion { found: 9999, .. }));
    assert!(is_later, "{refused:?}");
}

/// A number that is handed out before the commit would be skipped by a reader that has seen a later one.
#[tokio::test(flavor = "multi_thread")]
async fn open_transaction_delays_the_numbers_of_later_ones() {
    let url = new_database().await;
    let store = PostgresStore::open(&url, CONNECTIONS).await.unwrap();
    let mut held = PgConnection::connect(&url).await.unwrap();
    held.execute(
        "BEGIN; \
         WITH counter AS (UPDATE revocation_counter SET newest = newest + 1 RETURNING newest) \
         INSERT INTO revocations (sequence, kind, subject, expires_at) \
         SELECT newest, 'sid', '00000000-0000-4000-8000-000000000001', 9000000000000 FROM counter",
    )
    .await
    .unwrap();
    let mut writers = JoinSet::new();
    for _ in 0..8 {
        let store = store.clone();
        writers.spawn(async move {
            let mut appended = 0;
            while appended < 125 {
                let jti = Jti::random(&RANDOM);
                // Until the transaction is committed, the lock times out.
                let revoked = store.revoke_token(jti, NOW + HOUR, &[]).await;
                appended += u32::from(revoked.is_ok());
            }
        });
    }
    let mut last = 0;
    let mut numbers = Vec::new();
    for round in 0.. {
        if round == 3 {
            assert_eq!(numbers, [0; 0], "nothing is visible before the first entry");
            held.execute("COMMIT").await.unwrap();
        }
        for entry in store.revocations_after(last, 1000).await.unwrap() {
            last = entry.sequence;
            numbers.push(entry.sequence);
        }
        if numbers.len() == 1001 {
            break;
        }
    }
    writers.join_all().await;
    let all = store.revocations_after(0, 2000).await.unwrap();
    let all: Vec<_> = all.into_iter().map(|entry| entry.sequence).collect();
    assert_eq!(numbers, all, "a reader that polls has missed none");
}

/// Operations on the same rows, in all combinations: none waits for another in a circle.
#[tokio::test(flavor = "multi_thread")]
async fn operations_on_the_same_rows_do_not_deadlock() {
    let url = new_database().await;
    let store = Arc::new(PostgresStore::open(&url, 32).await.unwrap());
    let ada = account(&store, "ada").await;
    let shop = |round| OauthClient {
        id: format!("shop{round}").parse().unwrap(),
        auth_method: ClientAuthMethod::Public,
        scopes: "".parse().unwrap(),
        audiences: Vec::new(),
        grant_types: Vec::new(),
        dpop_required: false,
        protected: false,
        disabled: false,
        created_at: NOW,
    };
    for round in 0..10 {
        let shop = shop(round);
        assert!(store.insert_client(&shop, &[]).await.unwrap());
        let first = sign_in(&store, &ada).await.unwrap().unwrap();
        let mut racers: JoinSet<Result<(), StoreError>> = JoinSet::new();
        for racer in 0..27 {
            let (store, ada, shop) = (Arc::clone(&store), ada.clone(), shop.id.clone());
            racers.spawn(async move {
                let id = ada.user.id;
                match racer % 9 {
                    0 => sign_in(&store, &ada).await.map(drop),
                    1 => advance(&store, first, 1).await.map(drop),
                    2 => grant(&store, first, GrantId::random(&RANDOM), shop)
                        .await
                        .map(drop),
                    3 => store
                        .end_login(first, EndReason::SignedOut, NOW, &[])
                        .await
                        .map(drop),
                    4 => store.disable_user(id, NOW, &[]).await.map(drop),
                    5 => store.enable_user(id, &[]).await.map(drop),
                    6 => {
                        let reason = EndReason::EndedElsewhere;
                        let ended = store.end_logins_of(id, Some(first), reason, NOW, &[]);
                        ended.await.map(drop)
                    }
                    7 => store.disable_client(&shop, NOW, &[]).await.map(drop),
                    _ => store.logins_of(id, NOW).await.map(drop),
                }
            });
        }
        for result in racers.join_all().await {
            result.unwrap();
        }
        store.enable_user(ada.user.id, &[]).await.unwrap();
    }
}
