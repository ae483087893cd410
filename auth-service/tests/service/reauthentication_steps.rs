//! `AccountService/StartReauthentication` and `ContinueReauthentication`.

use auth_proto::v1::{
    AuthenticationStep, ContinueAuthenticationRequest, ContinueReauthenticationRequest, NextSteps,
    PasswordFactor, StartAuthenticationRequest, StartReauthenticationRequest,
    authentication_step::Step, continue_reauthentication_response, next_step,
    start_authentication_response, start_reauthentication_response,
};
use holdfast_core::clock::Clock as _;
use prost_types::Duration;
use tokio::task::JoinSet;
use tonic::{Code, Status};

use crate::support::{
    PASSWORD, TestService, assert_refused, bearer, change_password, minutes, rounds, seconds,
};

/// Seconds since 1970.
type AuthTime = i64;

fn password(text: &str) -> AuthenticationStep {
    AuthenticationStep {
        step: Some(Step::Password(text.to_owned())),
    }
}

fn step(attempt: &str, text: &str) -> ContinueReauthenticationRequest {
    ContinueReauthenticationRequest {
        attempt: attempt.to_owned(),
        step: Some(password(text)),
        client: None,
    }
}

/// An authentication within the last minutes is sufficient.
fn within(minutes: i64) -> StartReauthenticationRequest {
    StartReauthenticationRequest {
        max_age: Some(Duration {
            seconds: minutes * 60,
            nanos: 0,
        }),
        ..Default::default()
    }
}

impl TestService {
    async fn start_again(
        &self,
        token: &str,
        request: StartReauthenticationRequest,
    ) -> Result<Result<AuthTime, NextSteps>, Status> {
        use start_reauthentication_response::Result::{Done, Next};

        let request = bearer(request, token);
        let started = self.account().start_reauthentication(request).await?;
        match started.into_inner().result.unwrap() {
            Done(done) => Ok(Ok(done.auth_time.unwrap().seconds)),
            Next(next) => Ok(Err(next)),
        }
    }

    /// An attempt of the login of a token.
    async fn attempt_of(&self, token: &str) -> String {
        let request = StartReauthenticationRequest::default();
        let started = self.start_again(token, request).await.unwrap();
        let next = started.unwrap_err();
        let password = next_step::Factor::Password(PasswordFactor {});
        assert_eq!(next.steps.len(), 1);
        assert_eq!(next.steps[0].factor, Some(password));
        next.attempt
    }

    async fn continue_again(
        &self,
        token: &str,
        request: ContinueReauthenticationRequest,
    ) -> Result<AuthTime, Status> {
        use continue_reauthentication_response::Result::{Done, Next};

        let request = bearer(request, token);
        let continued = self.account().continue_reauthentication(request).await?;
        match continued.into_inner().result.unwrap() {
            Done(done) => Ok(done.auth_time.unwrap().seconds),
            Next(next) => panic!("{next:?}"),
        }
    }

    async fn account_token(&self) -> String {
        self.tokens("ada", "account").await.access_token
    }
}

#[tokio::test]
async fn attempt_updates_auth_time_once() {
    let service = TestService::with_user("ada").await;
    let issued = service.tokens("ada", "account").await;
    let token = &issued.access_token;
    let attempt = service.attempt_of(token).await;
    service.clock.advance(minutes(6));
    let refused = service.continue_again(token, step(&attempt, "wrong")).await;
    assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
    let now = service.clock.now().unix_timestamp();
    let done = service
        .continue_again(token, step(&attempt, PASSWORD))
        .await;
    assert_eq!(done.unwrap(), now);
    let fresh = service.try_refresh(&issued.refresh_token).await.unwrap();
    let claims = service.try_validate(&fresh.access_token).await.unwrap();
    assert_eq!(claims.auth_time.unwrap().seconds, now);

    let replayed = service
        .continue_again(token, step(&attempt, PASSWORD))
        .await;
    assert_refused(replayed, Code::Unauthenticated, "ATTEMPT_INVALID");
    let service = service.restart().await;
    let replayed = service
        .continue_again(token, step(&attempt, PASSWORD))
        .await;
    assert_refused(replayed, Code::Unauthenticated, "ATTEMPT_INVALID");
}

#[tokio::test]
async fn first_step_completes_at_once() {
    let service = TestService::with_user("ada").await;
    let token = service.account_token().await;
    service.clock.advance(minutes(6));
    let with = |text| StartReauthenticationRequest {
        step: Some(password(text)),
        ..within(60)
    };
    let refused = service.start_again(&token, with("wrong")).await;
    assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
    let done = service.start_again(&token, with(PASSWORD)).await.unwrap();
    assert_eq!(done.unwrap(), service.clock.now().unix_timestamp());
}

#[tokio::test]
async fn sufficient_authentication_requires_no_step() {
    let service = TestService::with_user("ada").await;
    let token = service.account_token().await;
    let signed_in = service.clock.now().unix_timestamp();
    service.clock.advance(minutes(6));
    let with_acr = |minutes, acr: &str| StartReauthenticationRequest {
        acr: acr.to_owned(),
        ..within(minutes)
    };
    for (request, is_sufficient) in [
        (within(7), true),
        (with_acr(7, "aal1"), true),
        (within(6), false),
        (with_acr(6, "aal1"), false),
        (StartReauthenticationRequest::default(), false),
    ] {
        let started = service.start_again(&token, request).await.unwrap();
        assert_eq!(started.is_ok(), is_sufficient);
        assert!(started.is_err() || started.is_ok_and(|at| at == signed_in));
    }
    for request in [with_acr(7, "aal9"), within(-1)] {
        let refused = service.start_again(&token, request).await;
        assert_refused(refused, Code::InvalidArgument, "INVALID_REQUEST");
    }
}

#[tokio::test]
async fn attempt_is_bound_to_its_login_and_purpose() {
    let service = TestService::with_user("ada").await;
    service.add_user("bob", false).await;
    let token = service.account_token().await;
    let attempt = service.attempt_of(&token).await;
    let other_login = service.account_token().await;
    let other_account = service.tokens("bob", "account").await.access_token;
    for other in [&other_login, &other_account] {
        let refused = service
            .continue_again(other, step(&attempt, PASSWORD))
            .await;
        assert_refused(refused, Code::Unauthenticated, "ATTEMPT_INVALID");
    }
    let sign_in = ContinueAuthenticationRequest {
        attempt: attempt.clone(),
        step: Some(password(PASSWORD)),
        ..Default::default()
    };
    let refused = service.auth().continue_authentication(sign_in).await;
    assert_refused(refused, Code::Unauthenticated, "ATTEMPT_INVALID");
    let request = StartAuthenticationRequest {
        username: "ada".to_owned(),
        ..Default::default()
    };
    let begun = service.auth().start_authentication(request).await.unwrap();
    let Some(start_authentication_response::Result::Next(sign_in)) = begun.into_inner().result
    else {
        panic!("no step was presented");
    };
    let request = step(&sign_in.attempt, PASSWORD);
    let refused = service.continue_again(&token, request).await;
    assert_refused(refused, Code::Unauthenticated, "ATTEMPT_INVALID");
    service.clock.advance(seconds(1));
    let done = service
        .continue_again(&token, step(&attempt, PASSWORD))
        .await;
    done.unwrap();
}

#[tokio::test]
async fn attempt_requires_a_token_of_the_login() {
    let service = TestService::with_user("ada").await;
    let token = service.account_token().await;
    let attempt = service.attempt_of(&token).await;
    let request = step(&attempt, PASSWORD);
    let refused = service.account().continue_reauthentication(request).await;
    assert_refused(refused, Code::Unauthenticated, "TOKEN_MISSING");
    let profile = service.tokens("ada", "profile").await.access_token;
    let refused = service
        .continue_again(&profile, step(&attempt, PASSWORD))
        .await;
    assert_refused(refused, Code::PermissionDenied, "INSUFFICIENT_SCOPE");
}

#[tokio::test]
async fn expired_or_changed_attempt_is_refused() {
    let service = TestService::with_user("ada").await;
    let token = service.account_token().await;
    let attempt = service.attempt_of(&token).await;
    for index in (0..attempt.len()).step_by(7) {
        let mut changed = attempt.clone().into_bytes();
        changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
        let request = step(&String::from_utf8(changed).unwrap(), PASSWORD);
        let refused = service.continue_again(&token, request).await;
        assert_refused(refused, Code::Unauthenticated, "ATTEMPT_INVALID");
    }
    service.clock.advance(minutes(10));
    let late = service
        .continue_again(&token, step(&attempt, PASSWORD))
        .await;
    assert_refused(late, Code::Unauthenticated, "ATTEMPT_INVALID");
}

#[tokio::test]
async fn attempt_ends_with_another_reauthentication_and_with_its_login() {
    let service = TestService::with_user("ada").await;
    let token = service.account_token().await;
    let attempt = service.attempt_of(&token).await;
    let newer = service.attempt_of(&token).await;
    service.clock.advance(seconds(1));
    let done = service.continue_again(&token, step(&newer, PASSWORD)).await;
    done.unwrap();
    let refused = service
        .continue_again(&token, step(&attempt, PASSWORD))
        .await;
    assert_refused(refused, Code::Unauthenticated, "ATTEMPT_INVALID");

    let attempt = service.attempt_of(&token).await;
    let new_password = "quite another long password";
    let request = bearer(change_password(PASSWORD, new_password), &token);
    service.account().change_password(request).await.unwrap();
    let refused = service
        .continue_again(&token, step(&attempt, new_password))
        .await;
    assert_refused(refused, Code::Unauthenticated, "LOGIN_ENDED");
}

#[tokio::test]
async fn attempt_completed_twice_at_once_counts_once() {
    let service = TestService::with_user("ada").await;
    let mut issued = service.tokens("ada", "account").await;
    for _round in 0..rounds(3) {
        issued = service.try_refresh(&issued.refresh_token).await.unwrap();
        let token = &issued.access_token;
        let attempt = service.attempt_of(token).await;
        // Right passwords are rate limited, too.
        service.clock.advance(seconds(10));
        let mut racers = JoinSet::new();
        for _ in 0..8 {
            let request = bearer(step(&attempt, PASSWORD), token);
            let mut account = service.account();
            racers.spawn(async move { account.continue_reauthentication(request).await.is_ok() });
        }
        let completed = racers.join_all().await;
        assert_eq!(completed.iter().filter(|done| **done).count(), 1);
    }
}
