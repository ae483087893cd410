//! Sign-in with a second factor.

use auth_proto::v1::{NextSteps, StartAuthenticationRequest};
use holdfast_core::clock::Clock as _;
use holdfast_identity::audit::{AuditKind, AuditQuery};
use prost::Message as _;
use tonic::Code;
use tonic_types::pb;

use super::{code_step, factors, go_on, password_step, recovery_step, start};
use crate::support::{
    PASSWORD, TestService, assert_refused, browser_login, from_web_service, seconds,
};

const FORM: &str = "AAAAAAAAAAAAAAAAAAAAAA";

#[tokio::test]
async fn code_follows_the_password() {
    let (service, app) = TestService::with_totp("ada").await;
    let next = service.after_password("ada").await;
    assert_eq!(factors(&next), ["totp"]);
    let code = app.code(&service);
    let login = service.finish(go_on(&next.attempt, code_step(&code)));
    let login = login.await.unwrap();
    assert_eq!(login.user.unwrap().username, "ada");
    assert_eq!(login.amr, ["pwd", "otp", "mfa"]);
    assert_eq!(login.acr, "aal2");
    let tokens = service.try_exchange(&login.login_ticket, "account").await;
    service
        .try_validate(&tokens.unwrap().access_token)
        .await
        .unwrap();
}

#[tokio::test]
async fn each_factor_is_a_step_of_one_attempt() {
    let (service, app) = TestService::with_totp("ada").await;
    let first = service.begin_with(start("ada", None)).await;
    assert_eq!(factors(&first), ["password"]);
    let request = go_on(&first.attempt, password_step(PASSWORD));
    let next = service.auth().continue_authentication(request).await;
    let next = match next.unwrap().into_inner().result.unwrap() {
        auth_proto::v1::continue_authentication_response::Result::Next(next) => next,
        auth_proto::v1::continue_authentication_response::Result::Done(login) => {
            panic!("{login:?}")
        }
    };
    assert_eq!(next.expires_at, first.expires_at, "it is not prolonged");
    let code = code_step(&app.code(&service));
    service.finish(go_on(&next.attempt, code)).await.unwrap();
    // The attempt is complete, also for another code.
    service.clock.advance(seconds(30));
    let again = code_step(&app.code(&service));
    let again = service.finish(go_on(&next.attempt, again)).await;
    assert_refused(again, Code::Unauthenticated, "ATTEMPT_INVALID");
}

#[tokio::test]
async fn call_for_one_factor_is_refused_with_the_attempt() {
    let (service, app) = TestService::with_totp("ada").await;
    let refused = service.try_login("ada", PASSWORD).await.unwrap_err();
    let details = pb::Status::decode(refused.details()).unwrap().details;
    let next = NextSteps::decode(details[1].value.as_slice()).unwrap();
    assert_refused(
        Err::<(), _>(refused),
        Code::Unauthenticated,
        "ADDITIONAL_FACTOR_REQUIRED",
    );
    let code = code_step(&app.code(&service));
    service.finish(go_on(&next.attempt, code)).await.unwrap();
    let wrong = service.try_login("ada", "wrong").await;
    assert_refused(wrong, Code::Unauthenticated, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn code_of_the_neighbouring_steps_is_accepted() {
    let (service, app) = TestService::with_totp("ada").await;
    for skew in [-30, 30] {
        service.clock.advance(seconds(120));
        let next = service.after_password("ada").await;
        let now = service.clock.now().unix_timestamp();
        let code = code_step(&app.code_at(now + skew));
        service.finish(go_on(&next.attempt, code)).await.unwrap();
    }
    service.clock.advance(seconds(120));
    let now = service.clock.now().unix_timestamp();
    for skew in [-60, 60] {
        let next = service.after_password("ada").await;
        let code = code_step(&app.code_at(now + skew));
        let refused = service.finish(go_on(&next.attempt, code)).await;
        assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
    }
}

#[tokio::test]
async fn recovery_code_stands_in_once() {
    let (service, app) = TestService::with_totp("ada").await;
    let token = service.token_with("ada", &app).await;
    let codes = service.recovery_codes(&token).await;
    assert_eq!(codes.len(), 10);
    let next = service.after_password("ada").await;
    assert_eq!(factors(&next), ["totp", "recovery_code"]);
    let typed = codes[0].to_uppercase().replace('-', " ");
    let login = service.finish(go_on(&next.attempt, recovery_step(&typed)));
    let login = login.await.unwrap();
    assert_eq!(login.amr, ["pwd", "rc", "mfa"]);
    let next = service.after_password("ada").await;
    let again = go_on(&next.attempt, recovery_step(&codes[0]));
    let again = service.finish(again).await;
    assert_refused(again, Code::Unauthenticated, "INVALID_CREDENTIALS");
    let other = go_on(&next.attempt, recovery_step(&codes[1]));
    service.finish(other).await.unwrap();
    let used = AuditQuery {
        kind: Some(AuditKind::RecoveryCodeUsed),
        limit: 9,
        ..AuditQuery::default()
    };
    let used = service.store().await.events(&used).await.unwrap();
    assert_eq!(used.len(), 2);
    assert!(used.iter().all(|record| record.event.user.is_some()));
}

/// A browser that sends the form with the code twice reads only the second answer.
#[tokio::test]
async fn code_sent_twice_by_a_browser_starts_one_login() {
    let (service, app) = TestService::with_totp("ada").await;
    let token = service.token_with("ada", &app).await;
    let recovery_code = service.recovery_codes(&token).await.remove(0);
    for step in [
        code_step(&app.code(&service)),
        recovery_step(&recovery_code),
    ] {
        let password = StartAuthenticationRequest {
            client: browser_login().client,
            ..start("ada", Some(password_step(PASSWORD)))
        };
        let started = service
            .auth()
            .start_authentication(with_form(password))
            .await;
        let next = match started.unwrap().into_inner().result.unwrap() {
            auth_proto::v1::start_authentication_response::Result::Next(next) => next,
            auth_proto::v1::start_authentication_response::Result::Done(login) => {
                panic!("{login:?}")
            }
        };
        let mut request = go_on(&next.attempt, step.clone());
        request.client = browser_login().client;
        let first = service.finish(with_form(request.clone())).await.unwrap();
        let second = service.finish(with_form(request.clone())).await.unwrap();
        assert_eq!(first.sid, second.sid);
        // Another browser, or a program, with the same attempt and code.
        let stolen = service.finish(from_web_service(request.clone())).await;
        assert_refused(stolen, Code::Unauthenticated, "ATTEMPT_INVALID");
        service.clock.advance(seconds(61));
        let late = service.finish(with_form(request)).await;
        assert_refused(late, Code::Unauthenticated, "INVALID_CREDENTIALS");
    }
}

/// The request with the form of a browser, as web-service sends it.
fn with_form<T>(message: T) -> tonic::Request<T> {
    let mut request = from_web_service(message);
    let form = FORM.parse().unwrap();
    request.metadata_mut().insert("holdfast-sign-in-form", form);
    request
}

#[tokio::test]
async fn account_without_second_factor_signs_in_as_before() {
    let (service, _) = TestService::with_totp("ada").await;
    service.add_user("bob", false).await;
    let login = service.login("bob").await;
    assert_eq!(
        (login.amr, login.acr.as_str()),
        (vec!["pwd".to_owned()], "aal1")
    );
}
