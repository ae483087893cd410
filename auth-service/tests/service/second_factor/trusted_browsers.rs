//! Browsers in which the second factor is not asked for.

use auth_proto::v1::{
    BindTrustedBrowserRequest, ContinueAuthenticationRequest, EndTrustedBrowserRequest,
    ListTrustedBrowsersRequest, LoginResponse, StartAuthenticationRequest, TrustedBrowser,
    start_authentication_response,
};
use tonic::{Code, Status};

use super::{Authenticator, code_step, go_on, password_step, start};
use crate::support::{
    PASSWORD, TestService, assert_refused, bearer, browser_login, change_password,
    from_web_service, minutes, seconds,
};

fn in_browser(token: &str) -> StartAuthenticationRequest {
    StartAuthenticationRequest {
        client: browser_login().client,
        trusted_browser: token.to_owned(),
        ..start("ada", Some(password_step(PASSWORD)))
    }
}

impl TestService {
    /// Whether the password is enough in a browser with this token.
    async fn is_trusted(&self, token: &str) -> bool {
        self.is_trusted_with(token, "").await
    }

    /// Whether the password is enough in a browser with this token, which has proved the key with this thumbprint.
    async fn is_trusted_with(&self, token: &str, jkt: &str) -> bool {
        let request = from_web_service(StartAuthenticationRequest {
            trusted_browser_jkt: jkt.to_owned(),
            ..in_browser(token)
        });
        let started = self.auth().start_authentication(request).await.unwrap();
        match started.into_inner().result.unwrap() {
            start_authentication_response::Result::Done(login) => {
                assert_eq!((login.acr.as_str(), login.amr.len()), ("aal1", 1));
                assert_eq!(login.trusted_browser, "");
                true
            }
            start_authentication_response::Result::Next(_) => false,
        }
    }

    /// Signs in with a browser that is to be trusted.
    async fn trust(&self, app: &Authenticator) -> LoginResponse {
        let next = self.begin_with(from_web_service(in_browser(""))).await;
        let request = ContinueAuthenticationRequest {
            client: browser_login().client,
            trust_browser: true,
            ..go_on(&next.attempt, code_step(&app.code(self)))
        };
        let login = self.finish(from_web_service(request)).await.unwrap();
        self.clock.advance(seconds(30));
        login
    }

    async fn trusted(&self, token: &str) -> Vec<TrustedBrowser> {
        let request = bearer(ListTrustedBrowsersRequest {}, token);
        let listed = self.account().list_trusted_browsers(request).await;
        listed.unwrap().into_inner().browsers
    }

    /// The refresh token of a browser's login.
    async fn refresh_token(&self, login: &LoginResponse) -> String {
        let request = crate::support::with_ticket(&login.login_ticket, "account");
        let request = from_web_service(crate::support::for_browser_use(request));
        self.try_issue(request).await.unwrap().refresh_token
    }

    async fn bind_trust(
        &self,
        request: impl tonic::IntoRequest<BindTrustedBrowserRequest>,
    ) -> Result<(), Status> {
        self.auth().bind_trusted_browser(request).await.map(drop)
    }

    async fn end_trust(&self, token: &str, id: &str) -> Result<(), Status> {
        let request = EndTrustedBrowserRequest {
            browser_id: id.to_owned(),
            client: None,
        };
        let ended = self
            .account()
            .end_trusted_browser(bearer(request, token))
            .await;
        ended.map(drop)
    }
}

#[tokio::test]
async fn trusted_browser_needs_the_password_only() {
    let (service, app) = TestService::with_totp("ada").await;
    let login = service.trust(&app).await;
    assert!(login.trusted_browser.starts_with("hfb_"));
    assert!(login.trusted_browser_expires_at.is_some());
    assert!(service.is_trusted(&login.trusted_browser).await);
    for other in [
        "",
        "hfb_",
        &"hfb_0".repeat(13),
        &login.trusted_browser[..67],
    ] {
        assert!(!service.is_trusted(other).await, "{other}");
    }
    service.clock.advance(minutes(60 * 24 * 30));
    assert!(!service.is_trusted(&login.trusted_browser).await);
}

#[tokio::test]
async fn password_is_still_needed() {
    let (service, app) = TestService::with_totp("ada").await;
    let token = service.trust(&app).await.trusted_browser;
    let wrong = StartAuthenticationRequest {
        step: Some(password_step("wrong")),
        ..in_browser(&token)
    };
    let refused = service
        .auth()
        .start_authentication(from_web_service(wrong))
        .await;
    assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
}

/// A program cannot be trusted, nor use the token of a browser.
#[tokio::test]
async fn only_browsers_are_trusted() {
    let (service, app) = TestService::with_totp("ada").await;
    let token = service.trust(&app).await.trusted_browser;
    let next = service.begin_with(in_browser(&token)).await;
    let request = ContinueAuthenticationRequest {
        trust_browser: true,
        ..go_on(&next.attempt, code_step(&app.code(&service)))
    };
    let login = service.finish(request).await.unwrap();
    assert_eq!(login.trusted_browser, "");
}

#[tokio::test]
async fn trust_of_one_account_is_none_of_another() {
    let (service, app) = TestService::with_totp("ada").await;
    service.add_user("bob", false).await;
    let bob = service.tokens("bob", "account").await.access_token;
    service.enrol(&bob).await;
    let token = service.trust(&app).await.trusted_browser;
    let request = StartAuthenticationRequest {
        username: "bob".to_owned(),
        ..in_browser(&token)
    };
    service.begin_with(from_web_service(request)).await;
}

#[tokio::test]
async fn trust_is_listed_ended_and_void_after_a_change_of_credentials() {
    let (service, app) = TestService::with_totp("ada").await;
    let browser = service.trust(&app).await.trusted_browser;
    let token = service.token_with("ada", &app).await;
    let listed = service.trusted(&token).await;
    assert_eq!(listed.len(), 1);
    service.end_trust(&token, &listed[0].id).await.unwrap();
    assert!(!service.is_trusted(&browser).await);
    for id in [listed[0].id.as_str(), "x"] {
        let refused = service.end_trust(&token, id).await;
        assert_refused(refused, Code::NotFound, "FACTOR_NOT_FOUND");
    }

    let browser = service.trust(&app).await.trusted_browser;
    service.recovery_codes(&token).await;
    assert!(!service.is_trusted(&browser).await);
    assert!(service.trusted(&token).await.is_empty());

    let browser = service.trust(&app).await.trusted_browser;
    let change = change_password(PASSWORD, "a new and longer password");
    service
        .account()
        .change_password(bearer(change, &token))
        .await
        .unwrap();
    let request = StartAuthenticationRequest {
        step: Some(password_step("a new and longer password")),
        ..in_browser(&browser)
    };
    service.begin_with(from_web_service(request)).await;
}

/// A trusted browser does not help to change factors.
#[tokio::test]
async fn trust_is_no_second_factor_for_sensitive_operations() {
    let (service, app) = TestService::with_totp("ada").await;
    let browser = service.trust(&app).await.trusted_browser;
    let request = from_web_service(in_browser(&browser));
    let started = service.auth().start_authentication(request).await.unwrap();
    let Some(start_authentication_response::Result::Done(login)) = started.into_inner().result
    else {
        panic!("the password is enough");
    };
    let request = crate::support::with_ticket(&login.login_ticket, "account");
    let request = from_web_service(crate::support::for_browser_use(request));
    let token = service.try_issue(request).await.unwrap().access_token;
    let request = bearer(auth_proto::v1::StartTotpEnrolmentRequest {}, &token);
    let refused = service.account().start_totp_enrolment(request).await;
    assert_refused(refused, Code::PermissionDenied, "STEP_UP_REQUIRED");
}

fn bind(refresh_token: &str, token: &str, jkt: &str) -> BindTrustedBrowserRequest {
    BindTrustedBrowserRequest {
        refresh_token: refresh_token.to_owned(),
        trusted_browser: token.to_owned(),
        jkt: jkt.to_owned(),
        client: browser_login().client,
    }
}

#[tokio::test]
async fn bound_trust_needs_its_device_key() {
    let (service, app) = TestService::with_totp("ada").await;
    let login = service.trust(&app).await;
    let token = login.trusted_browser.as_str();
    let refresh = service.refresh_token(&login).await;
    let [one, two] = ["1", "2"].map(|key| key.repeat(43));
    let by_anyone = service.bind_trust(bind(&refresh, token, &one)).await;
    assert_refused(
        by_anyone,
        Code::PermissionDenied,
        "SERVICE_IDENTITY_REQUIRED",
    );
    let cases = [
        (
            bind("hfr_1", token, &one),
            Code::Unauthenticated,
            "TOKEN_MALFORMED",
        ),
        (
            bind(&refresh, token, "x"),
            Code::InvalidArgument,
            "INVALID_REQUEST",
        ),
        (
            bind(&refresh, "hfb_", &one),
            Code::NotFound,
            "FACTOR_NOT_FOUND",
        ),
    ];
    for (request, code, reason) in cases {
        let refused = service.bind_trust(from_web_service(request)).await;
        assert_refused(refused, code, reason);
    }
    assert!(service.is_trusted(token).await, "it is not bound yet");

    let request = from_web_service(bind(&refresh, token, &one));
    service.bind_trust(request).await.unwrap();
    let another = from_web_service(bind(&refresh, token, &two));
    let refused = service.bind_trust(another).await;
    assert_refused(refused, Code::NotFound, "FACTOR_NOT_FOUND");
    assert!(!service.is_trusted(token).await);
    assert!(!service.is_trusted_with(token, &two).await);
    assert!(service.is_trusted_with(token, &one).await);
    let access = service.token_with("ada", &app).await;
    assert!(service.trusted(&access).await[0].bound);
}

#[tokio::test]
async fn trust_of_another_account_is_not_bound() {
    let (service, app) = TestService::with_totp("ada").await;
    let token = service.trust(&app).await.trusted_browser;
    service.add_user("bob", false).await;
    let bob = service.tokens("bob", "account").await.refresh_token;
    let key = "1".repeat(43);
    let request = from_web_service(bind(&bob, &token, &key));
    let refused = service.bind_trust(request).await;
    assert_refused(refused, Code::NotFound, "FACTOR_NOT_FOUND");
    assert!(service.is_trusted(&token).await);
}

#[tokio::test]
async fn trust_may_be_forbidden() {
    let service = TestService::start_with(|config| {
        config.policy.trusted_browser_ttl = std::time::Duration::ZERO;
    })
    .await;
    service.add_user("ada", false).await;
    let token = service.tokens("ada", "account").await.access_token;
    let app = service.enrol(&token).await;
    assert_eq!(service.trust(&app).await.trusted_browser, "");
}
