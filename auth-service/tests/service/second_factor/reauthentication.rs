//! Reauthentication within a login of an account with a second factor.

use auth_proto::v1::{
    AuthenticationStep, ContinueReauthenticationRequest, NextSteps, ReauthenticateRequest,
    StartReauthenticationRequest, continue_reauthentication_response,
    start_reauthentication_response,
};
use holdfast_core::clock::Clock as _;
use tonic::{Code, Status};

use super::{code_step, factors, password_step, recovery_step};
use crate::support::{PASSWORD, TestService, assert_refused, bearer, minutes};

impl TestService {
    async fn password_again(&self, token: &str) -> NextSteps {
        let request = StartReauthenticationRequest {
            step: Some(password_step(PASSWORD)),
            ..Default::default()
        };
        let started = self
            .account()
            .start_reauthentication(bearer(request, token))
            .await;
        match started.unwrap().into_inner().result.unwrap() {
            start_reauthentication_response::Result::Next(next) => next,
            start_reauthentication_response::Result::Done(done) => panic!("{done:?}"),
        }
    }

    async fn code_again(
        &self,
        token: &str,
        attempt: &str,
        step: AuthenticationStep,
    ) -> Result<i64, Status> {
        let request = ContinueReauthenticationRequest {
            attempt: attempt.to_owned(),
            step: Some(step),
            client: None,
        };
        let request = bearer(request, token);
        let continued = self.account().continue_reauthentication(request).await?;
        match continued.into_inner().result.unwrap() {
            continue_reauthentication_response::Result::Done(done) => {
                Ok(done.auth_time.unwrap().seconds)
            }
            continue_reauthentication_response::Result::Next(next) => panic!("{next:?}"),
        }
    }
}

#[tokio::test]
async fn password_alone_does_not_complete_it() {
    let (service, app) = TestService::with_totp("ada").await;
    let login = service.login_with("ada", &app).await;
    let tokens = service
        .try_exchange(&login.login_ticket, "account")
        .await
        .unwrap();
    let token = &tokens.access_token;
    service.clock.advance(minutes(6));
    let request = ReauthenticateRequest {
        password: PASSWORD.to_owned(),
        client: None,
    };
    let refused = service
        .account()
        .reauthenticate(bearer(request, token))
        .await;
    assert_refused(refused, Code::Unauthenticated, "ADDITIONAL_FACTOR_REQUIRED");
    let next = service.password_again(token).await;
    assert_eq!(factors(&next), ["totp"]);
    let wrong = code_step(&app.wrong_code(&service));
    let wrong = service.code_again(token, &next.attempt, wrong).await;
    assert_refused(wrong, Code::Unauthenticated, "INVALID_CREDENTIALS");
    let fresh = service.try_refresh(&tokens.refresh_token).await.unwrap();
    let claims = service.try_validate(&fresh.access_token).await.unwrap();
    assert_eq!(claims.auth_time, login.auth_time, "nothing was updated");

    let code = code_step(&app.code(&service));
    let done = service.code_again(token, &next.attempt, code.clone()).await;
    assert_eq!(done.unwrap(), service.clock.now().unix_timestamp());
    let again = service.code_again(token, &next.attempt, code).await;
    assert_refused(again, Code::Unauthenticated, "INVALID_CREDENTIALS");
}

/// With the sessions of two people, or of one.
#[tokio::test]
async fn attempt_of_another_login_is_refused() {
    let (service, app) = TestService::with_totp("ada").await;
    let token = service.token_with("ada", &app).await;
    let other = service.token_with("ada", &app).await;
    let next = service.password_again(&token).await;
    let code = code_step(&app.code(&service));
    let refused = service
        .code_again(&other, &next.attempt, code.clone())
        .await;
    assert_refused(refused, Code::Unauthenticated, "ATTEMPT_INVALID");
    service
        .code_again(&token, &next.attempt, code)
        .await
        .unwrap();
}

#[tokio::test]
async fn login_has_the_factors_of_its_latest_authentication() {
    let service = TestService::with_user("ada").await;
    let token = service.tokens("ada", "account").await.access_token;
    let app = service.enrol(&token).await;
    let next = service.password_again(&token).await;
    let code = code_step(&app.code(&service));
    service
        .code_again(&token, &next.attempt, code)
        .await
        .unwrap();
    let codes = service.recovery_codes(&token).await;
    let logins = async || {
        let request = bearer(auth_proto::v1::ListLoginsRequest {}, &token);
        let logins = service.account().list_logins(request).await.unwrap();
        logins.into_inner().logins.remove(0)
    };
    assert_eq!(logins().await.amr, ["pwd", "otp", "mfa"]);
    let next = service.password_again(&token).await;
    assert_eq!(factors(&next), ["totp", "recovery_code"]);
    let code = recovery_step(&codes[0]);
    service
        .code_again(&token, &next.attempt, code)
        .await
        .unwrap();
    assert_eq!(logins().await.amr, ["pwd", "rc", "mfa"]);
    assert_eq!(logins().await.acr, "aal2");
}

#[tokio::test]
async fn codes_are_counted_for_the_login() {
    let (service, app) = TestService::with_totp("ada").await;
    let token = service.token_with("ada", &app).await;
    for _ in 0..10 {
        let next = service.password_again(&token).await;
        let wrong = code_step(&app.wrong_code(&service));
        let refused = service.code_again(&token, &next.attempt, wrong).await;
        assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
    }
    let next = service.password_again(&token).await;
    let right = code_step(&app.code(&service));
    let refused = service.code_again(&token, &next.attempt, right).await;
    assert_refused(refused, Code::ResourceExhausted, "THROTTLED");
    // The owner's sign-in elsewhere is not delayed.
    service.login_with("ada", &app).await;
}
