//! `IssueToken` with a refresh token: rotation, repeats and reuse detection (RFC 9700 §4.14.2).

use std::time::{Duration, Instant};

use tonic::Code;
use tonic_types::StatusExt as _;

use crate::support::{TestService, assert_refused, minutes, rounds, seconds};

#[tokio::test]
async fn refresh_rotates_token() {
    let service = TestService::with_user("ada").await;
    let first = service.tokens("ada", "profile account").await;

    let second = service.try_refresh(&first.refresh_token).await.unwrap();

    assert_ne!(first.refresh_token, second.refresh_token);
    assert_ne!(first.access_token, second.access_token);
    assert_eq!(second.scope, "profile account");
    assert!(service.try_refresh(&second.refresh_token).await.is_ok());
}

#[tokio::test]
async fn repeat_within_ten_seconds_yields_same_successor() {
    let service = TestService::with_user("ada").await;
    let mut token = service.tokens("ada", "").await.refresh_token;
    for _round in 0..rounds(5) {
        let successor = service.try_refresh(&token).await.unwrap().refresh_token;

        service.clock.advance(seconds(9));
        let again = service.try_refresh(&token).await.unwrap();

        assert_eq!(again.refresh_token, successor);
        token = successor;
    }
}

#[tokio::test]
async fn repeats_beyond_two_in_a_second_are_throttled_and_end_nothing() {
    let service = TestService::with_user("ada").await;
    let mut token = service.tokens("ada", "").await.refresh_token;
    for _generation in 0..3 {
        let successor = service.try_refresh(&token).await.unwrap().refresh_token;
        for _ in 0..2 {
            let again = service.try_refresh(&token).await.unwrap();
            assert_eq!(again.refresh_token, successor);
        }
        for _ in 0..3 {
            let refused = service.try_refresh(&token).await;
            assert_refused(refused, Code::ResourceExhausted, "THROTTLED");
        }
        token = successor;
    }
    assert!(
        service.try_refresh(&token).await.is_ok(),
        "the login is alive"
    );
}

#[tokio::test]
async fn client_that_waits_for_the_delay_is_answered_as_long_as_repeats_are() {
    let service = TestService::with_user("ada").await;
    let token = service.tokens("ada", "").await.refresh_token;
    let successor = service.try_refresh(&token).await.unwrap().refresh_token;
    for _second in 0..9 {
        for _ in 0..2 {
            let again = service.try_refresh(&token).await.unwrap();
            assert_eq!(again.refresh_token, successor);
        }
        let refused = service.try_refresh(&token).await.unwrap_err();
        let delay = refused
            .get_error_details()
            .retry_info()
            .unwrap()
            .retry_delay;
        assert_eq!(delay, Some(seconds(1)));
        service.clock.advance(seconds(1));
    }
    let again = service.try_refresh(&token).await.unwrap();
    assert_eq!(again.refresh_token, successor);
}

#[tokio::test]
async fn reuse_after_ten_seconds_ends_login() {
    for wait in [10, 3600] {
        let service = TestService::with_user("ada").await;
        let first = service.tokens("ada", "").await;
        let second = service.try_refresh(&first.refresh_token).await.unwrap();
        service.clock.advance(seconds(wait));

        let reused = service.try_refresh(&first.refresh_token).await;

        assert_refused(reused, Code::Unauthenticated, "REFRESH_REUSED");
        let successor = service.try_refresh(&second.refresh_token).await;
        assert_refused(successor, Code::Unauthenticated, "LOGIN_ENDED");
        if wait < 900 {
            let access = service.try_validate(&second.access_token).await;
            assert_refused(access, Code::Unauthenticated, "LOGIN_ENDED");
        }
    }
}

#[tokio::test]
async fn reuse_two_generations_back_ends_login() {
    let service = TestService::with_user("ada").await;
    let first = service.tokens("ada", "").await;
    let second = service.try_refresh(&first.refresh_token).await.unwrap();
    service.try_refresh(&second.refresh_token).await.unwrap();
    let reused = service.try_refresh(&first.refresh_token).await;
    assert_refused(reused, Code::Unauthenticated, "REFRESH_REUSED");
}

#[tokio::test]
async fn concurrent_refreshes_yield_one_successor() {
    let service = TestService::with_user("ada").await;
    let mut token = service.tokens("ada", "").await.refresh_token;
    for _round in 0..rounds(4) {
        let attempts = (0..50).map(|_| service.try_refresh(&token));
        let answers = futures_util::future::join_all(attempts).await;
        let (issued, late): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        // Requests that arrive after the rotation are repeats, of which two are answered.
        for refused in late {
            assert_refused(refused, Code::ResourceExhausted, "THROTTLED");
        }
        let issued = issued
            .into_iter()
            .map(|answer| answer.unwrap().refresh_token);
        let successors: std::collections::BTreeSet<_> = issued.collect();
        assert_eq!(successors.len(), 1);
        token = successors.into_iter().next().unwrap();
        // At most sixty a minute are permitted.
        service.clock.advance(seconds(10));
    }
}

#[tokio::test]
async fn concurrent_revocation_wins_over_refresh() {
    let service = TestService::with_user("ada").await;
    for _round in 0..rounds(10) {
        let token = service.tokens("ada", "").await.refresh_token;
        let (refreshed, _) = tokio::join!(service.try_refresh(&token), service.revoke(&token));
        match refreshed {
            Ok(issued) => {
                let successor = service.try_refresh(&issued.refresh_token).await;
                assert_refused(successor, Code::Unauthenticated, "LOGIN_ENDED");
                let access = service.try_validate(&issued.access_token).await;
                assert_refused(access, Code::Unauthenticated, "LOGIN_ENDED");
            }
            refused => assert_refused(refused, Code::Unauthenticated, "LOGIN_ENDED"),
        }
    }
}

#[tokio::test]
async fn unused_token_and_old_login_expire() {
    let service = TestService::with_user("ada").await;
    let unused = service.tokens("ada", "").await;
    service.clock.advance(minutes(60 * 24 * 30));
    let refreshed = service.try_refresh(&unused.refresh_token).await;
    assert_refused(refreshed, Code::Unauthenticated, "TOKEN_EXPIRED");

    let mut used = service.tokens("ada", "").await;
    for _month in 0..3 {
        service.clock.advance(minutes(60 * 24 * 29));
        used = service.try_refresh(&used.refresh_token).await.unwrap();
    }
    service.clock.advance(minutes(60 * 24 * 3));
    let after_ninety_days = service.try_refresh(&used.refresh_token).await;
    assert_refused(after_ninety_days, Code::Unauthenticated, "LOGIN_ENDED");
}

/// A write whose caller has given up must not happen later: its successor would be lost, and the next refresh would be a reuse.
#[tokio::test]
async fn locked_database_refuses_refresh_and_writes_nothing() {
    let service = TestService::with_user("ada").await;
    let issued = service.tokens("ada", "").await;
    let (refused, elapsed) = service
        .while_locked(async {
            let started = Instant::now();
            let refused = service.try_refresh(&issued.refresh_token).await;
            (refused, started.elapsed())
        })
        .await;

    assert!(
        elapsed < Duration::from_millis(1500),
        "before the deadline of any caller"
    );
    assert_refused(refused, Code::Unavailable, "STORE_UNAVAILABLE");
    service.clock.advance(seconds(11));
    assert!(service.try_refresh(&issued.refresh_token).await.is_ok());
}

#[tokio::test]
async fn refresh_beyond_sixty_a_minute_is_throttled_and_ends_nothing() {
    let service = TestService::with_user("ada").await;
    let mut token = service.tokens("ada", "").await.refresh_token;
    for _round in 0..rounds(2) {
        for _ in 0..60 {
            token = service.try_refresh(&token).await.unwrap().refresh_token;
        }
        let refused = service.try_refresh(&token).await;
        assert_refused(refused, Code::ResourceExhausted, "THROTTLED");
        service.clock.advance(minutes(1));
    }
    assert!(service.try_refresh(&token).await.is_ok());
}
