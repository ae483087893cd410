//! `IssueToken` with a login ticket.

use auth_proto::v1::IssueTokenRequest;
use tonic::Code;

use crate::support::{TestService, assert_refused, reason, rounds, seconds};

#[tokio::test]
async fn ticket_yields_token_of_fifteen_minutes() {
    let service = TestService::with_user("ada").await;
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
    let service = TestService::with_user("ada").await;
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
    let service = TestService::with_user("ada").await;
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

/// Only an edited database is like this: the client of sign-ins cannot be disabled.
#[tokio::test]
async fn ticket_without_client_of_sign_ins_is_an_internal_error() {
    let service = TestService::with_user("ada").await;
    let ticket = service.login("ada").await.login_ticket;
    let disable = "UPDATE clients SET disabled_at = 1".to_owned();
    service.execute_sql(disable).await;
    let failed = service.try_exchange(&ticket, "").await;
    assert_refused(failed, Code::Internal, "INTERNAL");
    let enable = "UPDATE clients SET disabled_at = NULL".to_owned();
    service.execute_sql(enable).await;
    service.try_exchange(&ticket, "").await.unwrap();
}

#[tokio::test]
async fn malformed_ticket_is_refused() {
    let service = TestService::with_user("ada").await;
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
async fn concurrent_uses_of_ticket_yield_one_token() {
    let service = TestService::with_user("ada").await;
    for _round in 0..rounds(5) {
        let ticket = service.login("ada").await.login_ticket;
        let attempts = (0..8).map(|_| service.try_exchange(&ticket, ""));
        let answers = futures_util::future::join_all(attempts).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
        for refused in answers.into_iter().filter_map(Result::err) {
            let reason = reason(&refused);
            assert!(
                ["REFRESH_REUSED", "LOGIN_ENDED"].contains(&reason.as_str()),
                "{refused:?}"
            );
        }
    }
}
