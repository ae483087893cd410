//! Counters of authentication attempts: by account, by address, and for correct passwords.

use futures_util::future::join_all;
use tonic::Code;

use super::{Source, WRONG, is_wrong_password, retry_delay, source, try_login};
use crate::support::{
    PASSWORD, TestService, assert_refused, bearer, change_password, minutes, seconds,
};

#[tokio::test]
async fn wrong_passwords_cause_growing_delay_until_right_one() {
    let service = TestService::with_user("ada").await;
    let here = source("192.0.2.1");
    for _ in 0..5 {
        assert!(is_wrong_password(
            &try_login(&service, "ada", WRONG, here).await
        ));
    }
    for expected in [1000, 2000, 4000] {
        let answer = try_login(&service, "ada", PASSWORD, here).await;
        assert_eq!(
            retry_delay(answer),
            expected,
            "the right password has to wait, too"
        );
        service.clock.advance(std::time::Duration::from_millis(
            expected.try_into().unwrap(),
        ));
        assert!(is_wrong_password(
            &try_login(&service, "ADA", WRONG, here).await
        ));
    }
    service.clock.advance(seconds(8));
    try_login(&service, "ada", PASSWORD, here).await.unwrap();
    // The location is known now.
    for _ in 0..30 {
        assert!(is_wrong_password(
            &try_login(&service, "ada", WRONG, here).await
        ));
    }
}

#[tokio::test]
async fn unknown_usernames_are_counted_like_known_ones() {
    let service = TestService::with_user("ada").await;
    let mut answers = Vec::new();
    for name in ["ada", "nobody", "no name at all"] {
        let mut statuses = Vec::new();
        for _ in 0..7 {
            let status = try_login(&service, name, WRONG, source("192.0.2.1"))
                .await
                .unwrap_err();
            statuses.push((
                status.code(),
                status.message().to_owned(),
                status.details().to_vec(),
            ));
        }
        answers.push(statuses);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
}

#[tokio::test]
async fn concurrent_attempts_hash_no_more_than_limit() {
    let service = TestService::with_user("ada").await;
    let guesses = (0..50).map(|_| try_login(&service, "ada", WRONG, source("192.0.2.1")));
    let hashed = join_all(guesses)
        .await
        .iter()
        .filter(|answer| is_wrong_password(answer))
        .count();
    assert_eq!(hashed, 5);
}

#[tokio::test]
async fn address_trying_many_usernames_is_limited_alone() {
    let service = TestService::with_user("ada").await;
    let spray = "192.0.2.1";
    for number in 0..100 {
        let answer = try_login(&service, &format!("name{number}"), WRONG, source(spray)).await;
        assert!(is_wrong_password(&answer), "{number}");
    }
    retry_delay(try_login(&service, "ada", PASSWORD, source(spray)).await);
    try_login(&service, "ada", PASSWORD, source("192.0.2.2"))
        .await
        .unwrap();
}

#[tokio::test]
async fn password_change_has_its_own_limit() {
    let service = TestService::with_user("ada").await;
    let token = service.tokens("ada", "account").await.access_token;
    let new = "quite another long password";
    for host in 0..120 {
        let address = format!("203.0.113.{host}");
        let _ = try_login(&service, "ada", WRONG, source(&address)).await;
    }
    let mut account = service.account();
    for _ in 0..30 {
        let refused = account
            .change_password(bearer(change_password(WRONG, new), &token))
            .await;
        assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
    }
    let refused = account
        .change_password(bearer(change_password(PASSWORD, new), &token))
        .await;
    assert_refused(refused, Code::ResourceExhausted, "THROTTLED");
    service.clock.advance(seconds(1));
    let changed = account
        .change_password(bearer(change_password(PASSWORD, new), &token))
        .await;
    assert!(changed.is_ok(), "{changed:?}");
}

/// Signs in `times` times, ten at once, which a busy machine can hash; returns how many attempts were throttled.
async fn sign_in_repeatedly(service: &TestService, times: usize, source: Source<'_>) -> usize {
    let mut throttled = 0;
    for _ in 0..times / 10 {
        let some = (0..10).map(|_| try_login(service, "ada", PASSWORD, source));
        for refused in join_all(some).await.into_iter().filter_map(Result::err) {
            assert!(retry_delay(Err(refused)) > 0);
            throttled += 1;
        }
    }
    throttled
}

#[tokio::test]
async fn right_passwords_are_limited_for_each_location() {
    let service = TestService::with_user("ada").await;
    let (home, device) = (source("192.0.2.1"), Some(7));
    let phone = Source {
        device,
        ..source("192.0.2.2")
    };
    for place in [home, phone] {
        try_login(&service, "ada", PASSWORD, place).await.unwrap();
    }
    // The first sign-in makes the location known.
    let job = source("198.51.100.1");
    try_login(&service, "ada", PASSWORD, job).await.unwrap();
    assert_eq!(sign_in_repeatedly(&service, 620, job).await, 20);
    let waits = retry_delay(try_login(&service, "ada", PASSWORD, job).await);
    assert_eq!(waits, 600_000);
    assert!(
        retry_delay(try_login(&service, "ada", WRONG, job).await) > 0,
        "a wrong password gets the same answer"
    );
    for place in [home, phone, source("203.0.113.1")] {
        try_login(&service, "ada", PASSWORD, place).await.unwrap();
    }
    service.clock.advance(minutes(10));
    try_login(&service, "ada", PASSWORD, job).await.unwrap();
}
