//! Rows for the tests of the server.

use holdfast_identity::{
    account::Account,
    audit::AuditKind,
    id::{GrantId, Sid},
    login::{Generation, NewGrant, Rotation},
    oauth::ClientId,
    store::{AccountStore as _, GrantStore as _, LoginStore as _, StoreError},
};
use holdfast_store_conformance::fixture::{
    EPHEMERAL, NOW, event, new_account, new_grant, new_login, program,
};
use holdfast_store_postgres::PostgresStore;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

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

pub(crate) async fn account(store: &PostgresStore, name: &str) -> Account {
    let account = new_account(name);
    assert!(store.insert_user(&account, &[]).await.unwrap());
    account
}

/// A login with its first grant; `None` if the account may not sign in at this moment.
pub(crate) async fn sign_in(
    store: &PostgresStore,
    account: &Account,
) -> Result<Option<Sid>, StoreError> {
    let login = new_login(account);
    if store.insert_login(&login).await?.is_none() {
        return Ok(None);
    }
    store.insert_grant(&new_grant(login.sid)).await?;
    Ok(Some(login.sid))
}

/// A further grant of a login.
pub(crate) async fn grant(
    store: &PostgresStore,
    sid: Sid,
    id: GrantId,
    client: ClientId,
) -> Result<bool, StoreError> {
    let grant = NewGrant {
        id,
        client,
        ..new_grant(sid)
    };
    store.insert_grant(&grant).await
}

pub(crate) async fn advance(
    store: &PostgresStore,
    sid: Sid,
    from: i64,
) -> Result<bool, StoreError> {
    let rotation = Rotation {
        to: Generation(from).next(),
        client: &program(),
        tokens_until: NOW + EPHEMERAL,
    };
    let events = [event(AuditKind::Refreshed)];
    let from = (GrantId::first_of(sid), Generation(from));
    store.advance(from, &rotation, NOW, &events).await
}
