//! The service identity of web-service, and credentials that are sent twice (CWE-436).

use auth_proto::v1::{ClientKind, GetAccountRequest, GetJwksRequest};
use tonic::Code;

use crate::support::{
    SERVICE_SECRET, TestService, assert_refused, bearer, browser_login, from_web_service,
    with_metadata,
};

#[tokio::test]
async fn client_info_without_service_identity_is_ignored() {
    let service = TestService::with_user("ada").await;
    let login = service
        .auth()
        .login(browser_login())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(login.client_kind(), ClientKind::Api);
    let ticket = login.login_ticket;
    // The ticket of a browser would be refused here: the login counts as that of an API client.
    let issued = service.try_exchange(&ticket, "").await.unwrap();
    let rotated = service.try_refresh(&issued.refresh_token).await.unwrap();
    assert_ne!(rotated.refresh_token, issued.refresh_token);
}

#[tokio::test]
async fn wrong_service_secret_is_refused() {
    let service = TestService::with_user("ada").await;
    for wrong in ["", "wrong", "a service secret of good length!?"] {
        let request = with_metadata(browser_login(), "holdfast-service-secret", wrong);
        let answer = service.auth().login(request).await;
        assert_refused(answer, Code::PermissionDenied, "SERVICE_SECRET_WRONG");
    }
}

#[tokio::test]
async fn repeated_service_secret_is_refused() {
    let service = TestService::with_user("ada").await;
    for other in [SERVICE_SECRET, "wrong"] {
        let mut request = from_web_service(browser_login());
        let other = other.parse().unwrap();
        request
            .metadata_mut()
            .append("holdfast-service-secret", other);
        let answer = service.auth().login(request).await;
        assert_refused(answer, Code::PermissionDenied, "SERVICE_SECRET_WRONG");
    }
}

#[tokio::test]
async fn repeated_authorization_metadata_is_refused() {
    let service = TestService::with_user("ada").await;
    let token = service.tokens("ada", "account").await.access_token;
    assert!(
        service
            .account()
            .get_account(bearer(GetAccountRequest {}, &token))
            .await
            .is_ok()
    );
    for other in [
        format!("Bearer {token}"),
        "Bearer x".to_owned(),
        String::new(),
    ] {
        let mut request = bearer(GetAccountRequest {}, &token);
        let other = other.parse().unwrap();
        request.metadata_mut().append("authorization", other);
        let answer = service.account().get_account(request).await;
        assert_refused(answer, Code::Unauthenticated, "TOKEN_MALFORMED");
    }
}

#[tokio::test]
async fn service_secret_without_configured_one_is_refused() {
    let service = TestService::start_with(|config| config.service_secret = None).await;
    service.add_user("ada", false).await;
    let request = with_metadata(browser_login(), "holdfast-service-secret", "");
    let answer = service.auth().login(request).await;
    assert_refused(answer, Code::PermissionDenied, "SERVICE_SECRET_WRONG");
    assert!(service.auth().get_jwks(GetJwksRequest {}).await.is_ok());
}
