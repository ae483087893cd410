use auth_proto::v1::{GetAccountRequest, ListUsersRequest};
use tonic::Code;

use crate::support::{
    PASSWORD, SERVICE_SECRET, TestService, assert_refused, bearer, browser_login, change_password,
    for_browser_use, from_web_service, seconds, with_ticket,
};

const NEW_PASSWORD: &str = "a new and longer password";

async fn service() -> TestService {
    let service = TestService::start().await;
    service.add_user("ada", false).await;
    service
}

#[tokio::test]
async fn own_account_is_returned() {
    let service = service().await;
    let token = service.tokens("ada", "account").await.access_token;
    let answer = service
        .account()
        .get_account(bearer(GetAccountRequest {}, &token))
        .await;
    assert_eq!(answer.unwrap().into_inner().user.unwrap().username, "ada");
}

#[tokio::test]
async fn token_without_scope_account_is_refused() {
    let service = service().await;
    let mut client = service.account();
    let none = client.get_account(GetAccountRequest {}).await;
    assert_refused(none, Code::Unauthenticated, "TOKEN_MISSING");
    let junk = client
        .get_account(bearer(GetAccountRequest {}, "junk"))
        .await;
    assert_refused(junk, Code::Unauthenticated, "TOKEN_MALFORMED");
    let profile = service.tokens("ada", "profile").await.access_token;
    let lacking = client
        .get_account(bearer(GetAccountRequest {}, &profile))
        .await;
    assert_refused(lacking, Code::PermissionDenied, "INSUFFICIENT_SCOPE");
}

#[tokio::test]
async fn new_password_ends_all_logins_and_starts_one() {
    let service = service().await;
    let elsewhere = service.tokens("ada", "").await;
    let here = service.tokens("ada", "account").await;

    let request = bearer(change_password(PASSWORD, NEW_PASSWORD), &here.access_token);
    let answer = service
        .account()
        .change_password(request)
        .await
        .unwrap()
        .into_inner();

    for ended in [&elsewhere, &here] {
        let access = service.try_validate(&ended.access_token).await;
        assert_refused(access, Code::Unauthenticated, "LOGIN_ENDED");
        let refresh = service.try_refresh(&ended.refresh_token).await;
        assert_refused(refresh, Code::Unauthenticated, "LOGIN_ENDED");
    }
    let continued = service
        .try_exchange(&answer.login_ticket, "")
        .await
        .unwrap();
    let claims = service.try_validate(&continued.access_token).await.unwrap();
    assert_eq!(claims.sid, answer.sid);
    assert!(service.try_login("ada", PASSWORD).await.is_err());
    assert!(service.try_login("ada", NEW_PASSWORD).await.is_ok());
}

#[tokio::test]
async fn wrong_current_or_weak_new_password_is_refused() {
    let service = service().await;
    let token = service.tokens("ada", "account").await.access_token;
    let mut client = service.account();
    let wrong = client
        .change_password(bearer(change_password("wrong", NEW_PASSWORD), &token))
        .await;
    assert_refused(wrong, Code::Unauthenticated, "INVALID_CREDENTIALS");
    for rejected in [
        "too short",
        "ada is in here, too",
        &"x".repeat(257),
        PASSWORD,
    ] {
        let answer = client
            .change_password(bearer(change_password(PASSWORD, rejected), &token))
            .await;
        assert_refused(answer, Code::InvalidArgument, "PASSWORD_REJECTED");
    }
    assert!(
        service.try_login("ada", PASSWORD).await.is_ok(),
        "nothing changed"
    );
}

#[tokio::test]
async fn unchanged_password_is_refused_in_any_unicode_form() {
    let service = service().await;
    let token = service.tokens("ada", "account").await.access_token;
    // In another Unicode form it is the same one.
    let (composed, decomposed) = (
        "caf\u{e9} und sieben Stufen",
        "cafe\u{301} und sieben Stufen",
    );
    let request = bearer(change_password(PASSWORD, composed), &token);
    let changed = service.account().change_password(request).await;
    let ticket = changed.unwrap().into_inner().login_ticket;
    let token = service.try_exchange(&ticket, "account").await.unwrap();
    let before = service.revoke("").await;
    for new in [composed, decomposed] {
        let request = bearer(change_password(composed, new), &token.access_token);
        let refused = service.account().change_password(request).await;
        let words = refused.as_ref().unwrap_err().message().to_owned();
        assert_eq!(words, "this is the password so far; choose another one");
        assert_refused(refused, Code::InvalidArgument, "PASSWORD_REJECTED");
    }
    assert_eq!(service.revoke("").await, before, "nothing has ended");
    assert!(service.try_login("ada", composed).await.is_ok());
}

/// Without an entry among the revocations, as when another instance ended it this very moment.
#[tokio::test]
async fn login_ended_only_in_store_is_refused() {
    let service = service().await;
    // What is as old as the store's history is looked up anyway.
    service.clock.advance(seconds(2));
    let admin = service.admin_token().await;
    let token = service.tokens("ada", "account").await.access_token;
    let end = "UPDATE logins SET ended_at = 1, end_reason = 'signed_out'";
    service.do_to_database(end.to_owned()).await;
    let request = bearer(GetAccountRequest {}, &token);
    let refused = service.account().get_account(request).await;
    assert_refused(refused, Code::Unauthenticated, "LOGIN_ENDED");
    let request = bearer(ListUsersRequest::default(), &admin);
    let refused = service.admin().list_users(request).await;
    assert_refused(refused, Code::Unauthenticated, "LOGIN_ENDED");
}

#[tokio::test]
async fn concurrent_changes_let_one_succeed() {
    let service = service().await;
    let token = service.tokens("ada", "account").await.access_token;
    let change = |new: &'static str| {
        let mut client = service.account();
        let request = bearer(change_password(PASSWORD, new), &token);
        async move { client.change_password(request).await }
    };
    let (one, two) = tokio::join!(
        change("the first new password"),
        change("the second new password")
    );
    assert_eq!(
        [one.is_ok(), two.is_ok()].iter().filter(|ok| **ok).count(),
        1
    );
}

#[tokio::test]
async fn browser_login_continues_as_browser_login() {
    let service = service().await;
    let ticket = service
        .auth()
        .login(from_web_service(browser_login()))
        .await
        .unwrap()
        .into_inner()
        .login_ticket;
    let issued = service
        .try_issue(from_web_service(for_browser_use(with_ticket(
            &ticket, "account",
        ))))
        .await
        .unwrap();

    let mut request = bearer(
        change_password(PASSWORD, NEW_PASSWORD),
        &issued.access_token,
    );
    request
        .metadata_mut()
        .insert("holdfast-service-secret", SERVICE_SECRET.parse().unwrap());
    let ticket = service
        .account()
        .change_password(request)
        .await
        .unwrap()
        .into_inner()
        .login_ticket;

    let outside = service.try_exchange(&ticket, "").await;
    assert_refused(outside, Code::PermissionDenied, "SERVICE_IDENTITY_REQUIRED");
}
