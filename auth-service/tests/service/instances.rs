//! Two instances on one database: a file, or with `HOLDFAST_TEST_STORE` a server.

use std::{collections::BTreeSet, sync::Arc};

use auth_proto::v1::{
    AuthenticationStep, ContinueAuthenticationRequest, GetJwksRequest, RotateSigningKeyRequest,
    StartAuthenticationRequest, authentication_step::Step, start_authentication_response,
};
use tokio::task::JoinSet;
use tonic::Code;

use crate::support::{
    PASSWORD, TestService, assert_refused, bearer, change_password, reason, rounds, seconds, until,
    with_refresh,
};

/// Two instances with one clock, and the account `ada`.
async fn two() -> (TestService, TestService) {
    let first = TestService::with_user("ada").await;
    let directory = Arc::clone(&first.directory);
    let second = TestService::start_in(directory, first.clock.clone(), |_| ()).await;
    (first, second)
}

#[tokio::test]
async fn end_at_one_instance_is_known_to_the_other() {
    let (first, second) = two().await;
    // A token as old as the history of the store is looked up in any case.
    first.clock.advance(seconds(2));
    let ended = first.tokens("ada", "").await;
    let revoked = first.tokens("ada", "").await.access_token;
    second.try_validate(&ended.access_token).await.unwrap();
    second.try_validate(&revoked).await.unwrap();
    first.revoke(&ended.refresh_token).await;
    first.revoke(&revoked).await;
    until("the other instance to know", async || {
        let ended = second.try_validate(&ended.access_token).await;
        let revoked = second.try_validate(&revoked).await;
        (ended.is_err() && revoked.is_err()).then_some(())
    })
    .await;
    let refused = second.try_refresh(&ended.refresh_token).await;
    assert_refused(refused, Code::Unauthenticated, "LOGIN_ENDED");
}

#[tokio::test]
async fn refresh_at_both_instances_has_one_successor() {
    let (first, second) = two().await;
    let mut token = first.tokens("ada", "").await.refresh_token;
    for _round in 0..rounds(5) {
        let mut racers = JoinSet::new();
        for instance in [&first, &second, &first, &second] {
            let (mut auth, request) = (instance.auth(), with_refresh(&token));
            racers.spawn(async move { auth.issue_token(request).await });
        }
        let mut successors = BTreeSet::new();
        for issued in racers.join_all().await {
            match issued {
                Ok(issued) => drop(successors.insert(issued.into_inner().refresh_token)),
                Err(refused) => assert_eq!(reason(&refused), "THROTTLED"),
            }
        }
        assert_eq!(successors.len(), 1);
        token = successors.pop_first().unwrap();
        first.clock.advance(seconds(60));
    }
}

#[tokio::test]
async fn attempt_of_one_instance_is_completed_once_at_either() {
    let (first, second) = two().await;
    let begin = StartAuthenticationRequest {
        username: "ada".to_owned(),
        ..Default::default()
    };
    let started = first.auth().start_authentication(begin).await.unwrap();
    let Some(start_authentication_response::Result::Next(next)) = started.into_inner().result
    else {
        panic!("no step was presented");
    };
    let step = ContinueAuthenticationRequest {
        attempt: next.attempt,
        step: Some(AuthenticationStep {
            step: Some(Step::Password(PASSWORD.to_owned())),
        }),
        ..Default::default()
    };
    let mut racers = JoinSet::new();
    for instance in [&first, &second, &first, &second] {
        let (mut auth, step) = (instance.auth(), step.clone());
        racers.spawn(async move { auth.continue_authentication(step).await.is_ok() });
    }
    let completed = racers.join_all().await;
    assert_eq!(completed.iter().filter(|done| **done).count(), 1);
}

#[tokio::test]
async fn new_password_at_one_instance_ends_the_logins_of_the_other() {
    let (first, second) = two().await;
    let there = second.tokens("ada", "account").await;
    let here = first.tokens("ada", "account").await.access_token;
    let new = "quite another long password";
    let request = bearer(change_password(PASSWORD, new), &here);
    first.account().change_password(request).await.unwrap();
    let refused = second.try_refresh(&there.refresh_token).await;
    assert_refused(refused, Code::Unauthenticated, "LOGIN_ENDED");
    let refused = second.try_login("ada", PASSWORD).await;
    assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
    second.try_login("ada", new).await.unwrap();
}

#[tokio::test]
async fn rotated_keys_are_published_by_both_instances() {
    let (first, second) = two().await;
    let admin = first.admin_token().await;
    let kids = async |instance: &TestService| {
        let jwks = instance.auth().get_jwks(GetJwksRequest {}).await.unwrap();
        let keys = jwks.into_inner().keys.into_iter();
        keys.map(|key| key.kid).collect::<BTreeSet<_>>()
    };
    assert_eq!(kids(&first).await, kids(&second).await);
    let rotate = bearer(RotateSigningKeyRequest {}, &admin);
    first.admin().rotate_signing_key(rotate).await.unwrap();
    until("both instances to publish the new keys", async || {
        let (here, there) = (kids(&first).await, kids(&second).await);
        (here.len() == 4 && here == there).then_some(())
    })
    .await;
}
