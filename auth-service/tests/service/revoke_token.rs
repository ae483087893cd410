use auth_proto::v1::RevokeTokenRequest;
use tonic::Code;

use crate::support::{TestService, assert_refused, rounds, seconds};

async fn service() -> TestService {
    let service = TestService::start().await;
    service.add_user("ada", false).await;
    service
}

#[tokio::test]
async fn an_access_token_ends_alone_and_for_good() {
    let service = service().await;
    let issued = service.tokens("ada", "").await;
    let sibling = service.try_refresh(&issued.refresh_token).await.unwrap();

    service.revoke(&issued.access_token).await;

    let revoked = service.try_validate(&issued.access_token).await;
    assert_refused(revoked, Code::Unauthenticated, "TOKEN_REVOKED");
    assert!(service.try_validate(&sibling.access_token).await.is_ok());
    let service = service.restart().await;
    let still = service.try_validate(&issued.access_token).await;
    assert_refused(still, Code::Unauthenticated, "TOKEN_REVOKED");
}

#[tokio::test]
async fn no_restart_forgets_what_was_revoked() {
    let mut service = service().await;
    for _round in 0..rounds(3) {
        // Each round leaves a login behind; beyond a hundred the oldest one ends.
        service.clock.advance(seconds(1));
        let (token, login) = (
            service.tokens("ada", "").await,
            service.tokens("ada", "").await,
        );
        service.revoke(&token.access_token).await;
        service.revoke(&login.refresh_token).await;
        service = service.restart().await;
        let token = service.try_validate(&token.access_token).await;
        assert_refused(token, Code::Unauthenticated, "TOKEN_REVOKED");
        let access = service.try_validate(&login.access_token).await;
        assert_refused(access, Code::Unauthenticated, "LOGIN_ENDED");
        let refresh = service.try_refresh(&login.refresh_token).await;
        assert_refused(refresh, Code::Unauthenticated, "LOGIN_ENDED");
    }
}

#[tokio::test]
async fn a_refresh_token_of_any_generation_ends_the_login() {
    let service = service().await;
    let first = service.tokens("ada", "").await;
    let second = service.try_refresh(&first.refresh_token).await.unwrap();
    let other_login = service.tokens("ada", "").await;

    service.revoke(&first.refresh_token).await;

    for token in [&first.access_token, &second.access_token] {
        let answer = service.try_validate(token).await;
        assert_refused(answer, Code::Unauthenticated, "LOGIN_ENDED");
    }
    let refreshed = service.try_refresh(&second.refresh_token).await;
    assert_refused(refreshed, Code::Unauthenticated, "LOGIN_ENDED");
    assert!(
        service
            .try_validate(&other_login.access_token)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn on_request_an_access_token_ends_its_login() {
    let service = service().await;
    let issued = service.tokens("ada", "account").await;
    let end_login_of = |token: &str| RevokeTokenRequest {
        token: token.to_owned(),
        end_login: true,
        ..Default::default()
    };
    let weak = service.tokens("ada", "profile").await;
    let refused = service
        .auth()
        .revoke_token(end_login_of(&weak.access_token))
        .await;
    assert_refused(refused, Code::PermissionDenied, "INSUFFICIENT_SCOPE");
    assert!(service.try_validate(&weak.access_token).await.is_ok());

    let request = end_login_of(&issued.access_token);
    service.auth().revoke_token(request).await.unwrap();

    let access = service.try_validate(&issued.access_token).await;
    assert_refused(access, Code::Unauthenticated, "LOGIN_ENDED");
    let refreshed = service.try_refresh(&issued.refresh_token).await;
    assert_refused(refreshed, Code::Unauthenticated, "LOGIN_ENDED");
}

#[tokio::test]
async fn a_ticket_that_was_never_exchanged_can_be_given_back() {
    let service = service().await;
    let ticket = service.login("ada").await.login_ticket;
    service.revoke(&ticket).await;
    let answer = service.try_exchange(&ticket, "").await;
    assert_refused(answer, Code::Unauthenticated, "LOGIN_ENDED");
}

#[tokio::test]
async fn what_is_unknown_or_over_is_no_error() {
    let service = service().await;
    let issued = service.tokens("ada", "").await;
    for _twice in 0..2 {
        service.revoke(&issued.refresh_token).await;
        service.revoke(&issued.access_token).await;
        service.revoke("junk").await;
        service.revoke("").await;
    }
}
