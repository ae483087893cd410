//! A clock that jumps and returns revives nothing and deletes nothing (`SteadyClock`).

use std::{sync::Arc, time::Duration};

use auth_proto::v1::ListAuditEventsRequest;
use holdfast_core::{clock::Clock as _, steady_clock::Checkpoint};
use holdfast_identity::store::Store;
use tempfile::TempDir;
use tonic::Code;

use crate::support::{
    ManualClock, Sql, TestService, assert_refused, bearer, database, execute_sql, minutes, until,
};

const JUMP: time::Duration = time::Duration::days(400);

async fn store(directory: &TempDir) -> Arc<dyn Store> {
    let database = database(directory.path());
    auth_service::app::open_store(&database).await.unwrap()
}

/// Waits until a service that just started has deleted what has expired.
async fn wait_for_purge(directory: &TempDir) {
    let store = store(directory).await;
    until("the oldest revocation to be deleted", async || {
        let all = store.revocations_after(0, 1000).await.unwrap().entries;
        let is_there = all.iter().any(|one| one.expires_at.unix_timestamp() == 0);
        (!is_there).then_some(())
    })
    .await;
}

/// An entry that every start deletes.
const EXPIRED_ENTRY: Sql = Sql {
    sqlite: "INSERT INTO revocations (kind, subject, expires_at) \
             VALUES ('sid', '00000000-0000-4000-8000-000000000001', 0)",
    postgres: "UPDATE revocation_counter SET newest = newest + 1; \
               INSERT INTO revocations (sequence, kind, subject, expires_at) \
               SELECT newest, 'sid', '00000000-0000-4000-8000-000000000001', 0 FROM revocation_counter",
};

async fn stop(service: TestService) -> (Arc<TempDir>, ManualClock) {
    service.execute(EXPIRED_ENTRY).await;
    let (directory, clock) = (Arc::clone(&service.directory), service.clock.clone());
    service.stop_and(async |_| ()).await;
    (directory, clock)
}

async fn start((directory, clock): (Arc<TempDir>, ManualClock)) -> TestService {
    let service = TestService::start_in(Arc::clone(&directory), clock, |_| ()).await;
    wait_for_purge(&directory).await;
    service
}

async fn events(service: &TestService) -> usize {
    // With a token that is valid at the present time.
    let token = service.tokens("root", "admin account").await.access_token;
    let request = bearer(ListAuditEventsRequest::default(), &token);
    let listed = service.admin().list_audit_events(request).await.unwrap();
    listed.into_inner().events.len()
}

#[tokio::test]
async fn login_ended_during_clock_jump_stays_ended() {
    for leap in [time::Duration::minutes(20), time::Duration::days(400)] {
        let service = TestService::start().await;
        service.clock.advance(minutes(1));
        service.add_user("ada", false).await;
        let tokens = service.tokens("ada", "").await;

        service.clock.leap(leap);
        service.revoke(&tokens.refresh_token).await;
        service.clock.leap(-leap);

        let answer = service.try_validate(&tokens.access_token).await;
        assert_refused(answer, Code::Unauthenticated, "LOGIN_ENDED");
        let refreshed = service.try_refresh(&tokens.refresh_token).await;
        assert_refused(refreshed, Code::Unauthenticated, "LOGIN_ENDED");
    }
}

#[tokio::test]
async fn token_issued_during_clock_jump_ends_with_login() {
    let service = TestService::start().await;
    service.clock.advance(minutes(1));
    service.add_user("ada", false).await;
    let tokens = service.tokens("ada", "").await;

    service.clock.leap(time::Duration::minutes(16));
    let ahead = service.try_refresh(&tokens.refresh_token).await.unwrap();
    service.clock.leap(time::Duration::minutes(-16));
    let next = service.try_refresh(&ahead.refresh_token).await.unwrap();
    service.revoke(&next.refresh_token).await;
    service.clock.advance(minutes(17));
    // A revocation makes the service drop expired entries from memory.
    let other = service.tokens("ada", "").await.access_token;
    service.revoke(&other).await;

    let answer = service.try_validate(&ahead.access_token).await;
    assert_refused(answer, Code::Unauthenticated, "LOGIN_ENDED");
}

#[tokio::test]
async fn clock_jump_and_return_revives_no_revoked_token() {
    let service = TestService::start().await;
    // A token as old as the history of the store is looked up there in any case.
    service.clock.advance(minutes(1));
    service.add_user("ada", false).await;
    let token = service.tokens("ada", "").await.access_token;
    service.revoke(&token).await;

    service.clock.leap(time::Duration::minutes(20));
    // A revocation makes the service drop expired entries from memory.
    let other = service.tokens("ada", "").await.access_token;
    service.revoke(&other).await;
    service.clock.leap(time::Duration::minutes(-20));

    let answer = service.try_validate(&token).await;
    assert_refused(answer, Code::Unauthenticated, "TOKEN_REVOKED");
}

#[tokio::test]
async fn start_with_clock_ahead_keeps_audit_trail_and_revocations() {
    let service = TestService::start().await;
    service.clock.advance(minutes(1));
    service.add_user("root", true).await;
    let ended = service.tokens("root", "").await;
    service.revoke(&ended.refresh_token).await;
    let (directory, clock) = stop(service).await;
    let before = store(&directory).await.revocations_after(0, 1000).await;
    let before = before.unwrap().entries.len() - 1;

    clock.leap(JUMP);
    let service = start((directory.clone(), clock.clone())).await;
    let left = store(&directory).await.revocations_after(0, 1000).await;
    assert_eq!(left.unwrap().entries.len(), before);

    let stopped = stop(service).await;
    clock.leap(-JUMP);
    let service = start(stopped).await;
    assert!(events(&service).await >= 2, "the audit trail is kept");
    let refused = service.try_refresh(&ended.refresh_token).await;
    assert_refused(refused, Code::Unauthenticated, "LOGIN_ENDED");
    let answer = service.try_validate(&ended.access_token).await;
    assert_refused(answer, Code::Unauthenticated, "LOGIN_ENDED");
}

/// The database of an earlier version has no checkpoint.
#[tokio::test]
async fn start_with_clock_ahead_and_no_checkpoint_keeps_revocations() {
    let service = TestService::start().await;
    service.add_user("root", true).await;
    let ended = service.tokens("root", "").await;
    service.revoke(&ended.refresh_token).await;
    let (directory, clock) = stop(service).await;
    clock.leap(JUMP);
    let store = store(&directory).await;
    execute_sql(directory.path(), "DELETE FROM steady_time".to_owned()).await;
    let _service = start((directory.clone(), clock)).await;
    let left = store.revocations_after(0, 1000).await.unwrap().entries;
    assert_eq!(left.len(), 1);
}

#[tokio::test]
async fn clock_ahead_for_a_day_is_accepted() {
    let service = TestService::start().await;
    service.add_user("root", true).await;
    let before = service.tokens("root", "").await;
    service.revoke(&before.refresh_token).await;
    let (directory, clock) = stop(service).await;
    clock.leap(JUMP);
    let service = start((directory.clone(), clock.clone())).await;
    clock.advance(minutes(25 * 60));
    let _service = start(stop(service).await).await;
    let left = store(&directory).await.revocations_after(0, 1000).await;
    assert!(left.unwrap().entries.is_empty());
}

#[tokio::test]
async fn clock_accepted_by_operator_deletes_expired_entries() {
    let service = TestService::start().await;
    service.add_user("root", true).await;
    let before = service.tokens("root", "").await;
    service.revoke(&before.refresh_token).await;
    let (directory, clock) = stop(service).await;
    clock.leap(JUMP);
    // What `auth-service clock accept` does.
    let checkpoint = Checkpoint {
        steady: clock.now(),
        clock: clock.now(),
        since_leap: Duration::ZERO,
    };
    let store = store(&directory).await;
    store.keep_checkpoint(checkpoint).await.unwrap();
    let _service = start((directory, clock)).await;
    assert!(
        store
            .revocations_after(0, 1000)
            .await
            .unwrap()
            .entries
            .is_empty()
    );
}

#[tokio::test]
async fn clock_jump_and_return_leaves_one_signing_key_of_each_algorithm() {
    let service = TestService::start().await;
    let directory = Arc::clone(&service.directory);
    let store = store(&directory).await;
    service.clock.advance(minutes(60));
    service.clock.leap(JUMP);
    // A key that each maintenance of the keys deletes; once it is deleted a second time, the first one is complete.
    for _ in 0..2 {
        let sql = "INSERT INTO signing_keys SELECT 'outlived', algorithm, public_key, sealed_private_key, created_at, 0, NULL \
                   FROM signing_keys LIMIT 1";
        service.execute_sql(sql.to_owned()).await;
        until("the keys to be maintained", async || {
            let keys = store.signing_keys().await.unwrap();
            let is_there = keys.iter().any(|key| key.kid == "outlived");
            (!is_there).then_some(())
        })
        .await;
    }
    service.clock.leap(-JUMP);
    assert_eq!(store.signing_keys().await.unwrap().len(), 2);
}
