//! Operations that wait for each other's rows.

use std::sync::Arc;

use holdfast_identity::{
    account::{Account, PasswordHash},
    authentication::Factor,
    id::{GrantId, Sid},
    login::{AuthenticationUpdate, EndReason},
    oauth::ClientId,
    store::{AccountStore as _, ClientStore as _, GrantStore as _, LoginStore as _, StoreError},
};
use holdfast_store_conformance::fixture::{LOGIN_TTL, NOW, TestRandom, oauth_client};
use holdfast_store_postgres::PostgresStore;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::task::JoinSet;

use crate::{
    fixture::{account, advance, grant, sign_in, wait_for_lock},
    subject::{CONNECTIONS, new_database},
};

/// Rows that the operations have in common.
#[derive(Clone)]
pub(crate) struct Rows {
    ada: Account,
    shop: ClientId,
    first: Sid,
    /// A grant of that login.
    own: GrantId,
}

impl Rows {
    /// Rows whose names end in a number.
    pub(crate) async fn insert(store: &PostgresStore, number: u32) -> Self {
        let shop = oauth_client(&format!("shop{number}"));
        assert!(store.insert_client(&shop, &[]).await.unwrap());
        let ada = account(store, &format!("ada{number}")).await;
        let first = sign_in(store, &ada).await.unwrap().unwrap();
        let own = GrantId::random(&TestRandom);
        grant(store, first, own, shop.id.clone()).await.unwrap();
        Self {
            ada,
            shop: shop.id,
            first,
            own,
        }
    }

    /// One of thirteen operations.
    pub(crate) async fn change(&self, store: &PostgresStore, racer: u32) -> Result<(), StoreError> {
        let (id, version) = (self.ada.user.id, self.ada.authentication_version);
        let first = self.first;
        match racer % 13 {
            0 => sign_in(store, &self.ada).await.map(drop),
            1 => advance(store, first, 1).await.map(drop),
            2 => grant(
                store,
                first,
                GrantId::random(&TestRandom),
                self.shop.clone(),
            )
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
            7 => store.disable_client(&self.shop, NOW, &[]).await.map(drop),
            8 => store.logins_of(id, NOW).await.map(drop),
            9 => {
                let new = PasswordHash::from_phc("new".to_owned());
                let replaced = store.replace_password(id, version, &new, None, NOW, &[]);
                replaced.await.map(drop)
            }
            10 => {
                let update = AuthenticationUpdate {
                    version,
                    previous: None,
                    factors: Factor::Password.into(),
                    now: NOW,
                };
                let updated = store.update_authenticated_at(first, &update, &[]);
                updated.await.map(drop)
            }
            11 => store
                .end_grant(self.own, EndReason::SignedOut, NOW, &[])
                .await
                .map(drop),
            // Everything has expired by then.
            _ if racer > 30 => store.purge(NOW + LOGIN_TTL * 2).await,
            _ => store.delete_user(id, NOW, &[]).await.map(drop),
        }
    }
}

/// Operations on the same rows, in all combinations: none waits for another in a circle.
#[tokio::test(flavor = "multi_thread")]
async fn operations_on_the_same_rows_do_not_deadlock() {
    let url = new_database().await;
    let store = Arc::new(PostgresStore::open(&url, 32).await.unwrap());
    for round in 0..10 {
        let rows = Rows::insert(&store, round).await;
        let mut racers: JoinSet<Result<(), StoreError>> = JoinSet::new();
        for racer in 0..39 {
            let (store, rows) = (Arc::clone(&store), rows.clone());
            racers.spawn(async move { rows.change(&store, racer).await });
        }
        for result in racers.join_all().await {
            result.unwrap();
        }
    }
}

/// The condition is checked on the locked row, not on the state before this waited for it.
#[tokio::test]
async fn password_is_not_replaced_by_a_login_that_ends_meanwhile() {
    let url = new_database().await;
    let store = PostgresStore::open(&url, CONNECTIONS).await.unwrap();
    let ada = account(&store, "ada").await;
    let sid = sign_in(&store, &ada).await.unwrap().unwrap();
    let mut other = PgConnection::connect(&url).await.unwrap();
    let end = format!(
        "BEGIN; UPDATE users SET admin = admin; UPDATE logins SET ended_at = 1 WHERE sid = '{sid}'"
    );
    other.execute(AssertSqlSafe(end)).await.unwrap();
    let new = PasswordHash::from_phc("new".to_owned());
    let (id, version) = (ada.user.id, ada.authentication_version);
    let replaced = store.replace_password(id, version, &new, Some(sid), NOW, &[]);
    let commit = async {
        wait_for_lock(&url).await;
        other.execute("COMMIT").await.unwrap();
    };
    let (replaced, ()) = tokio::join!(replaced, commit);
    assert_eq!(replaced.unwrap(), None);
}
