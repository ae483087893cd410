//! `AccountService/Reauthenticate`, and the operations that require it (ASVS 7.5.1, 7.5.3).

use auth_proto::v1::{EndLoginRequest, EndOtherLoginsRequest, ReauthenticateRequest};
use tonic::{Code, Status};

use crate::support::{
    PASSWORD, TestService, assert_refused, bearer, change_password, minutes, with_refresh,
};

async fn reauthenticate(service: &TestService, token: &str, password: &str) -> Result<(), Status> {
    let request = ReauthenticateRequest {
        password: password.to_owned(),
        client: None,
    };
    let request = bearer(request, token);
    service.account().reauthenticate(request).await?;
    Ok(())
}

#[tokio::test]
async fn sensitive_operation_requires_recent_authentication() {
    let service = TestService::with_user("ada").await;
    let other = service.login("ada").await.sid;
    let issued = service.tokens("ada", "account").await;
    service.clock.advance(minutes(5));
    let token = &issued.access_token;
    let mut account = service.account();

    let request = bearer(
        change_password(PASSWORD, "quite another long password"),
        token,
    );
    let refused = account.change_password(request).await;
    assert_refused(refused, Code::PermissionDenied, "STEP_UP_REQUIRED");
    let refused = account
        .end_other_logins(bearer(EndOtherLoginsRequest::default(), token))
        .await;
    assert_refused(refused, Code::PermissionDenied, "STEP_UP_REQUIRED");
    let end = |sid: &str| EndLoginRequest {
        sid: sid.to_owned(),
        client: None,
    };
    let refused = account.end_login(bearer(end(&other), token)).await;
    assert_refused(refused, Code::PermissionDenied, "STEP_UP_REQUIRED");

    let refused = reauthenticate(&service, token, "a wrong password").await;
    assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
    reauthenticate(&service, token, PASSWORD).await.unwrap();
    let refused = account.end_login(bearer(end(&other), token)).await;
    assert_refused(refused, Code::PermissionDenied, "STEP_UP_REQUIRED");

    let fresh = service.try_refresh(&issued.refresh_token).await.unwrap();
    let fresh = fresh.access_token;
    account
        .end_login(bearer(end(&other), &fresh))
        .await
        .unwrap();
    account
        .end_other_logins(bearer(EndOtherLoginsRequest::default(), &fresh))
        .await
        .unwrap();
    let own = service.try_validate(&fresh).await.unwrap();
    assert_eq!(
        own.auth_time.unwrap().seconds,
        holdfast_core::clock::Clock::now(&service.clock).unix_timestamp()
    );
}

#[tokio::test]
async fn sign_out_requires_no_recent_authentication() {
    let service = TestService::with_user("ada").await;
    let token = service.tokens("ada", "account").await.access_token;
    let sid = service.try_validate(&token).await.unwrap().sid;
    service.clock.advance(minutes(10));
    let request = EndLoginRequest { sid, client: None };
    let ended = service.account().end_login(bearer(request, &token)).await;
    assert!(ended.is_ok());
}

#[tokio::test]
async fn admin_scope_requires_recent_authentication() {
    let service = TestService::start().await;
    service.add_user("root", true).await;
    let issued = service.tokens("root", "admin account").await;
    service.clock.advance(minutes(6));
    let refused = service.try_refresh(&issued.refresh_token).await;
    assert_refused(refused, Code::PermissionDenied, "STEP_UP_REQUIRED");

    let less = auth_proto::v1::IssueTokenRequest {
        scope: "account".to_owned(),
        ..with_refresh(&issued.refresh_token)
    };
    let less = service.try_issue(less).await.unwrap();
    reauthenticate(&service, &less.access_token, PASSWORD)
        .await
        .unwrap();
    let again = service.try_refresh(&less.refresh_token).await.unwrap();
    assert_eq!(again.scope, "account admin");
}

#[tokio::test]
async fn ended_login_cannot_reauthenticate() {
    let service = TestService::start().await;
    let admin = service.admin_token().await;
    let ada = service.create_user(&admin, "ada", PASSWORD).await.unwrap();
    let issued = service.tokens("ada", "account").await;
    let request = auth_proto::v1::SetPasswordRequest {
        user_id: ada.id,
        new_password: "quite another long password".to_owned(),
    };
    service
        .admin()
        .set_password(bearer(request, &admin))
        .await
        .unwrap();
    let refused = reauthenticate(&service, &issued.access_token, PASSWORD).await;
    assert_refused(refused, Code::Unauthenticated, "LOGIN_ENDED");
}
