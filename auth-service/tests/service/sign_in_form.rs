//! `AuthService/Login` with `holdfast-sign-in-form`: a sign-in form that is sent more than once starts one login.

use auth_proto::v1::{LoginRequest, LoginResponse};
use tonic::{Code, Request};

use crate::support::{
    TestService, assert_refused, browser_login, for_browser_use, from_web_service, seconds,
    with_ticket,
};

fn with_form_id(form: &str, request: LoginRequest) -> Request<LoginRequest> {
    let mut request = from_web_service(request);
    request
        .metadata_mut()
        .insert("holdfast-sign-in-form", form.parse().unwrap());
    request
}

const FORM_ID: &str = "AAECAwQFBgcICQoLDA0ODw";

async fn submit(service: &TestService) -> LoginResponse {
    let answer = service
        .auth()
        .login(with_form_id(FORM_ID, browser_login()))
        .await;
    answer.unwrap().into_inner()
}

async fn exchange(service: &TestService, login: &LoginResponse) -> String {
    let request = for_browser_use(with_ticket(&login.login_ticket, ""));
    let issued = service.auth().issue_token(from_web_service(request)).await;
    issued.unwrap().into_inner().refresh_token
}

#[tokio::test]
async fn form_sent_repeatedly_starts_one_login() {
    let service = TestService::with_user("ada").await;

    let (one, two) = tokio::join!(submit(&service), submit(&service));
    assert_eq!(one.sid, two.sid);
    let (first, second) = tokio::join!(exchange(&service, &one), exchange(&service, &two));
    assert_eq!(first, second);
    service.clock.advance(seconds(59));
    let late = submit(&service).await;
    assert_eq!(late.sid, one.sid);
    assert_eq!(exchange(&service, &late).await, first);

    service.clock.advance(seconds(1));
    let another = submit(&service).await;
    assert_ne!(another.sid, one.sid, "a minute later it is another sign-in");
    let expired = for_browser_use(with_ticket(&one.login_ticket, ""));
    let expired = service.auth().issue_token(from_web_service(expired)).await;
    assert_refused(expired, Code::Unauthenticated, "REFRESH_REUSED");
}

#[tokio::test]
async fn form_of_other_account_or_page_starts_another_login() {
    let service = TestService::with_user("ada").await;
    service.add_user("bob", false).await;
    let adas = submit(&service).await;
    let bob = LoginRequest {
        username: "bob".to_owned(),
        ..browser_login()
    };
    let bobs = service
        .auth()
        .login(with_form_id(FORM_ID, bob))
        .await
        .unwrap();
    assert_ne!(bobs.into_inner().sid, adas.sid);
    let other = with_form_id("AAECAwQFBgcICQoLDA0OEA", browser_login());
    let other = service.auth().login(other).await.unwrap().into_inner();
    assert_ne!(other.sid, adas.sid);
    for junk in ["", "AAEC", "no base64 at all"] {
        let login = service
            .auth()
            .login(with_form_id(junk, browser_login()))
            .await;
        assert_ne!(login.unwrap().into_inner().sid, adas.sid);
    }
}

#[tokio::test]
async fn form_sent_after_login_ended_starts_another_login() {
    let service = TestService::with_user("ada").await;
    let first = submit(&service).await;
    let token = exchange(&service, &first).await;
    let _ = service.revoke(&token).await;
    let again = submit(&service).await;
    assert_ne!(again.sid, first.sid);
    exchange(&service, &again).await;
}

/// A caller without service identity cannot set the form id.
#[tokio::test]
async fn form_id_counts_from_web_service_only() {
    let service = TestService::with_user("ada").await;
    let sid_without_identity = async || {
        let mut request = Request::new(browser_login());
        let form = FORM_ID.parse().unwrap();
        request.metadata_mut().insert("holdfast-sign-in-form", form);
        service
            .auth()
            .login(request)
            .await
            .unwrap()
            .into_inner()
            .sid
    };
    assert_ne!(sid_without_identity().await, sid_without_identity().await);
}
