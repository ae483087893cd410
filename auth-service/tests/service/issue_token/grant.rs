//! `IssueToken` grants no more than the login allows: scope, audience, expiry, and the caller that may obtain tokens of a browser.

use auth_proto::v1::IssueTokenRequest;
use tonic::Code;

use crate::support::{
    TestService, assert_refused, browser_login, for_browser_use, from_web_service, minutes,
    with_refresh, with_ticket,
};

#[tokio::test]
async fn access_token_expires_with_login() {
    let service = TestService::start_with(|config| config.policy.login_ttl = minutes(5)).await;
    service.add_user("ada", false).await;
    let issued = service.tokens("ada", "").await;
    assert_eq!(issued.expires_in.unwrap().seconds, 300);
}

#[tokio::test]
async fn scope_beyond_grant_is_refused() {
    let service = TestService::with_user("ada").await;
    let ticket = service.login("ada").await.login_ticket;
    let denied = service.try_exchange(&ticket, "admin").await;
    assert_refused(denied, Code::InvalidArgument, "INVALID_SCOPE");
    let unknown = service.try_exchange(&ticket, "root").await;
    assert_refused(unknown, Code::InvalidArgument, "INVALID_SCOPE");
    // A refused request does not use the ticket up.
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
    let service = TestService::with_user("ada").await;
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
    let service = TestService::with_user("ada").await;
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
    // A request that web-service forwards for an API client is not for a browser.
    let passed_on = service
        .try_issue(from_web_service(with_refresh(&issued.refresh_token)))
        .await;
    assert_refused(
        passed_on,
        Code::PermissionDenied,
        "SERVICE_IDENTITY_REQUIRED",
    );

    // web-service may use the same refresh token repeatedly.
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
