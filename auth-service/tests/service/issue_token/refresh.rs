use std::time::{Duration, Instant};

use auth_proto::v1::IssueTokenRequest;
use sqlx::SqlitePool;
use tonic::Code;

use crate::support::{
    TestService, assert_refused, browser_login, for_browser_use, from_web_service, minutes, rounds,
    seconds, with_refresh, with_ticket,
};

async fn service() -> TestService {
    let service = TestService::start().await;
    service.add_user("ada", false).await;
    service
}

#[tokio::test]
async fn ticket_yields_token_of_fifteen_minutes() {
    let service = service().await;
    let login = service.login("ada").await;

    let issued = service.try_exchange(&login.login_ticket, "").await.unwrap();

    assert_eq!(issued.token_type, "Bearer");
    assert_eq!(issued.expires_in.unwrap().seconds, 900);
    assert_eq!(issued.scope, "profile");
    assert!(issued.refresh_token.starts_with("hfr_"));
    let claims = service.try_validate(&issued.access_token).await.unwrap();
    assert_eq!((claims.username.as_str(), claims.sid), ("ada", login.sid));
}

#[tokio::test]
async fn ticket_used_twice_ends_login() {
    let service = service().await;
    let ticket = service.login("ada").await.login_ticket;
    let issued = service.try_exchange(&ticket, "").await.unwrap();

    assert_refused(
        service.try_exchange(&ticket, "").await,
        Code::Unauthenticated,
        "REFRESH_REUSED",
    );

    let access = service.try_validate(&issued.access_token).await;
    assert_refused(access, Code::Unauthenticated, "LOGIN_ENDED");
    let refresh = service.try_refresh(&issued.refresh_token).await;
    assert_refused(refresh, Code::Unauthenticated, "LOGIN_ENDED");
}

#[tokio::test]
async fn ticket_expires_after_sixty_seconds() {
    let service = service().await;
    let early = service.login("ada").await.login_ticket;
    let late = service.login("ada").await.login_ticket;
    service.clock.advance(seconds(59));
    assert!(service.try_exchange(&early, "").await.is_ok());
    service.clock.advance(seconds(1));
    assert_refused(
        service.try_exchange(&late, "").await,
        Code::Unauthenticated,
        "TOKEN_EXPIRED",
    );
}

#[tokio::test]
async fn malformed_ticket_is_refused() {
    let service = service().await;
    let issued = service.tokens("ada", "").await;
    for junk in [
        "",
        "hft_",
        "hft_AAAA",
        issued.refresh_token.as_str(),
        issued.access_token.as_str(),
    ] {
        assert_refused(
            service.try_exchange(junk, "").await,
            Code::Unauthenticated,
            "TOKEN_MALFORMED",
        );
    }
    let nothing = IssueTokenRequest::default();
    assert_refused(
        service.try_issue(nothing).await,
        Code::InvalidArgument,
        "INVALID_REQUEST",
    );
}

#[tokio::test]
async fn refresh_rotates_token() {
    let service = service().await;
    let first = service.tokens("ada", "profile account").await;

    let second = service.try_refresh(&first.refresh_token).await.unwrap();

    assert_ne!(first.refresh_token, second.refresh_token);
    assert_ne!(first.access_token, second.access_token);
    assert_eq!(second.scope, "profile account");
    assert!(service.try_refresh(&second.refresh_token).await.is_ok());
}

#[tokio::test]
async fn repeat_within_ten_seconds_yields_same_successor() {
    let service = service().await;
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
async fn repeats_beyond_two_are_throttled_and_end_nothing() {
    let service = service().await;
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
    assert!(service.try_refresh(&token).await.is_ok(), "it lives");
}

#[tokio::test]
async fn reuse_after_ten_seconds_ends_login() {
    for wait in [10, 3600] {
        let service = service().await;
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
    let service = service().await;
    let first = service.tokens("ada", "").await;
    let second = service.try_refresh(&first.refresh_token).await.unwrap();
    service.try_refresh(&second.refresh_token).await.unwrap();
    let reused = service.try_refresh(&first.refresh_token).await;
    assert_refused(reused, Code::Unauthenticated, "REFRESH_REUSED");
}

#[tokio::test]
async fn concurrent_refreshes_yield_one_successor() {
    let service = service().await;
    let mut token = service.tokens("ada", "").await.refresh_token;
    for _round in 0..rounds(4) {
        let attempts = (0..50).map(|_| service.try_refresh(&token));
        let answers = futures_util::future::join_all(attempts).await;
        let (issued, late): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        // Those that came when there was a successor already are repeats, of which two are answered.
        for refused in late {
            assert_refused(refused, Code::ResourceExhausted, "THROTTLED");
        }
        let issued = issued
            .into_iter()
            .map(|answer| answer.unwrap().refresh_token);
        let successors: std::collections::BTreeSet<_> = issued.collect();
        assert_eq!(successors.len(), 1);
        token = successors.into_iter().next().unwrap();
        // Sixty a minute are let through.
        service.clock.advance(seconds(10));
    }
}

#[tokio::test]
async fn concurrent_uses_of_ticket_yield_one_token() {
    let service = service().await;
    for _round in 0..rounds(5) {
        let ticket = service.login("ada").await.login_ticket;
        let attempts = (0..8).map(|_| service.try_exchange(&ticket, ""));
        let answers = futures_util::future::join_all(attempts).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    }
}

#[tokio::test]
async fn concurrent_revocation_wins_over_refresh() {
    let service = service().await;
    for _round in 0..rounds(10) {
        let token = service.tokens("ada", "").await.refresh_token;
        let (refreshed, _) = tokio::join!(service.try_refresh(&token), service.revoke(&token));
        if let Ok(issued) = refreshed {
            let successor = service.try_refresh(&issued.refresh_token).await;
            assert_refused(successor, Code::Unauthenticated, "LOGIN_ENDED");
        }
    }
}

#[tokio::test]
async fn unused_token_and_old_login_expire() {
    let service = service().await;
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

#[tokio::test]
async fn access_token_expires_with_login() {
    let service = TestService::start_with(|config| config.policy.login_ttl = minutes(5)).await;
    service.add_user("ada", false).await;
    let issued = service.tokens("ada", "").await;
    assert_eq!(issued.expires_in.unwrap().seconds, 300);
}

#[tokio::test]
async fn scope_beyond_grant_is_refused() {
    let service = service().await;
    let ticket = service.login("ada").await.login_ticket;
    let denied = service.try_exchange(&ticket, "admin").await;
    assert_refused(denied, Code::InvalidArgument, "INVALID_SCOPE");
    let unknown = service.try_exchange(&ticket, "root").await;
    assert_refused(unknown, Code::InvalidArgument, "INVALID_SCOPE");
    // A request that cannot be met does not use the ticket up.
    let issued = service
        .try_exchange(&ticket, "profile account")
        .await
        .unwrap();

    let less = IssueTokenRequest {
        scope: "account".into(),
        ..with_refresh(&issued.refresh_token)
    };
    let narrowed = service.try_issue(less).await.unwrap();
    assert_eq!(narrowed.scope, "account");
    let all_again = service.try_refresh(&narrowed.refresh_token).await.unwrap();
    assert_eq!(all_again.scope, "profile account");

    let only_profile = service.tokens("ada", "profile").await;
    let more = IssueTokenRequest {
        scope: "account".into(),
        ..with_refresh(&only_profile.refresh_token)
    };
    assert_refused(
        service.try_issue(more).await,
        Code::InvalidArgument,
        "INVALID_SCOPE",
    );
}

#[tokio::test]
async fn audience_that_is_not_configured_is_refused() {
    let service = service().await;
    let ticket = service.login("ada").await.login_ticket;
    let elsewhere = IssueTokenRequest {
        audience: "https://evil.example".into(),
        ..with_ticket(&ticket, "")
    };
    assert_refused(
        service.try_issue(elsewhere).await,
        Code::InvalidArgument,
        "INVALID_AUDIENCE",
    );
    let other = IssueTokenRequest {
        audience: "https://other.example".into(),
        ..with_ticket(&ticket, "")
    };
    let issued = service.try_issue(other).await.unwrap();
    let here = service.try_validate(&issued.access_token).await;
    assert_refused(here, Code::Unauthenticated, "TOKEN_WRONG_AUDIENCE");
}

#[tokio::test]
async fn browser_tokens_are_issued_to_web_service_only() {
    let service = service().await;
    let ticket = service
        .auth()
        .login(from_web_service(browser_login()))
        .await
        .unwrap()
        .into_inner()
        .login_ticket;

    let outside = service.try_exchange(&ticket, "").await;
    assert_refused(outside, Code::PermissionDenied, "SERVICE_IDENTITY_REQUIRED");
    let issued = service
        .try_issue(from_web_service(for_browser_use(with_ticket(&ticket, ""))))
        .await
        .unwrap();
    let outside = service.try_refresh(&issued.refresh_token).await;
    assert_refused(outside, Code::PermissionDenied, "SERVICE_IDENTITY_REQUIRED");
    // What web-service passes on for an API client is not for a browser.
    let passed_on = service
        .try_issue(from_web_service(with_refresh(&issued.refresh_token)))
        .await;
    assert_refused(
        passed_on,
        Code::PermissionDenied,
        "SERVICE_IDENTITY_REQUIRED",
    );

    // The web-service may use the same one again and again.
    for _use in 0..3 {
        service.clock.advance(minutes(60));
        let request = from_web_service(for_browser_use(with_refresh(&issued.refresh_token)));
        let again = service.try_issue(request).await.unwrap();
        assert_eq!(again.refresh_token, issued.refresh_token);
        assert!(service.try_validate(&again.access_token).await.is_ok());
    }
    let reused = service
        .try_issue(from_web_service(for_browser_use(with_ticket(&ticket, ""))))
        .await;
    assert_refused(reused, Code::Unauthenticated, "REFRESH_REUSED");
}

/// A write that its caller has given up must not happen later: that would be a refresh nobody knows of.
#[tokio::test]
async fn locked_database_refuses_refresh_and_writes_nothing() {
    let service = service().await;
    let issued = service.tokens("ada", "").await;
    let file = format!(
        "sqlite:{}",
        service.directory.path().join("auth.db").display()
    );
    let other = SqlitePool::connect(&file).await.unwrap();
    let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();

    let begun = Instant::now();
    let refused = service.try_refresh(&issued.refresh_token).await;

    assert!(
        begun.elapsed() < Duration::from_millis(1500),
        "before any caller gives up"
    );
    assert_refused(refused, Code::Unavailable, "STORE_UNAVAILABLE");
    lock.rollback().await.unwrap();
    service.clock.advance(seconds(11));
    assert!(service.try_refresh(&issued.refresh_token).await.is_ok());
}
