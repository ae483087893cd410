//! `AccountService/ChangePassword` (ASVS 6.2.2, 6.2.3, 7.4.3).

use tonic::Code;

use crate::support::{
    PASSWORD, SERVICE_SECRET, TestService, assert_refused, bearer, browser_login, change_password,
    for_browser_use, from_web_service, with_ticket,
};

const NEW_PASSWORD: &str = "a new and longer password";

#[tokio::test]
async fn new_password_ends_all_logins_and_starts_one() {
    let service = TestService::with_user("ada").await;
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
    let former = service.try_login("ada", PASSWORD).await;
    assert_refused(former, Code::Unauthenticated, "INVALID_CREDENTIALS");
    assert!(service.try_login("ada", NEW_PASSWORD).await.is_ok());
}

#[tokio::test]
async fn wrong_current_or_weak_new_password_is_refused() {
    let service = TestService::with_user("ada").await;
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
    let service = TestService::with_user("ada").await;
    let token = service.tokens("ada", "account").await.access_token;
    // Two Unicode forms of one password.
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
        let message = refused.as_ref().unwrap_err().message().to_owned();
        assert_eq!(message, "this is the current password; choose another one");
        assert_refused(refused, Code::InvalidArgument, "PASSWORD_REJECTED");
    }
    assert_eq!(service.revoke("").await, before, "nothing has ended");
    assert!(service.try_login("ada", composed).await.is_ok());
}

#[tokio::test]
async fn concurrent_changes_let_one_succeed() {
    let service = TestService::with_user("ada").await;
    let token = service.tokens("ada", "account").await.access_token;
    let change = |new: &'static str| {
        let mut client = service.account();
        let request = bearer(change_password(PASSWORD, new), &token);
        async move { client.change_password(request).await }
    };
    let (first, second) = ("the first new password", "the second new password");
    let (one, two) = tokio::join!(change(first), change(second));
    assert_ne!(one.is_ok(), two.is_ok(), "{one:?} {two:?}");
    let (accepted, refused) = if one.is_ok() {
        (first, second)
    } else {
        (second, first)
    };
    assert!(service.try_login("ada", accepted).await.is_ok());
    for other in [refused, PASSWORD] {
        let answer = service.try_login("ada", other).await;
        assert_refused(answer, Code::Unauthenticated, "INVALID_CREDENTIALS");
    }
}

#[tokio::test]
async fn browser_login_continues_as_browser_login() {
    let service = TestService::with_user("ada").await;
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
