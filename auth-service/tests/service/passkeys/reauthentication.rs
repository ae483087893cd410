//! Reauthentication by passkeys.

use auth_proto::v1::{
    AuthenticationStep, ContinueReauthenticationRequest, NextSteps, StartReauthenticationRequest,
    continue_reauthentication_response, start_reauthentication_response,
};
use holdfast_identity::audit::AuditKind;
use tonic::{Code, Status};

use super::{options, passkey_step};
use crate::{
    second_factor::{code_step, factors, password_step},
    support::{PASSWORD, TestService, assert_refused, bearer, minutes},
};

impl TestService {
    pub(super) async fn start_at(&self, token: &str, acr: &str) -> Result<NextSteps, Status> {
        let request = StartReauthenticationRequest {
            acr: acr.to_owned(),
            ..Default::default()
        };
        let started = self
            .account()
            .start_reauthentication(bearer(request, token))
            .await?;
        match started.into_inner().result.unwrap() {
            start_reauthentication_response::Result::Next(next) => Ok(next),
            start_reauthentication_response::Result::Done(done) => panic!("{done:?}"),
        }
    }

    /// Continues a reauthentication; `None`: it is complete.
    pub(super) async fn continue_at(
        &self,
        token: &str,
        attempt: &str,
        step: AuthenticationStep,
    ) -> Result<Option<NextSteps>, Status> {
        let request = ContinueReauthenticationRequest {
            attempt: attempt.to_owned(),
            step: Some(step),
            client: None,
        };
        let request = bearer(request, token);
        let continued = self.account().continue_reauthentication(request).await?;
        match continued.into_inner().result.unwrap() {
            continue_reauthentication_response::Result::Done(_) => Ok(None),
            continue_reauthentication_response::Result::Next(next) => Ok(Some(next)),
        }
    }
}

#[tokio::test]
async fn passkey_alone_completes_it_once() {
    let (service, passkey) = TestService::with_passkey("ada").await;
    let token = service.token_by(&passkey).await;
    service.clock.advance(minutes(6));
    let next = service.start_at(&token, "").await.unwrap();
    assert_eq!(factors(&next), ["password", "passkey"]);
    let step = passkey_step(passkey.answer(&options(&next)));
    let done = service
        .continue_at(&token, &next.attempt, step.clone())
        .await;
    assert_eq!(done.unwrap(), None);
    let again = service.continue_at(&token, &next.attempt, step).await;
    assert_refused(again, Code::Unauthenticated, "ATTEMPT_INVALID");
}

#[tokio::test]
async fn passkey_of_another_account_or_attempt_is_refused() {
    let (service, passkey) = TestService::with_passkey("ada").await;
    let ada = service.token_by(&passkey).await;
    service.add_user("eve", false).await;
    let eve = service.tokens("eve", "account").await.access_token;
    let (of_eve, _) = service.register(&eve).await;
    let next = service.start_at(&ada, "").await.unwrap();
    let other = service.start_at(&ada, "").await.unwrap();
    let foreign = [
        of_eve.answer(&options(&next)),
        passkey.answer(&options(&other)),
    ];
    for response in foreign {
        let step = passkey_step(response);
        let refused = service.continue_at(&ada, &next.attempt, step).await;
        assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
    }
}

/// An application that asks for a passkey is not satisfied by less.
#[tokio::test]
async fn required_strength_is_reached_by_a_passkey_only() {
    let (service, passkey) = TestService::with_passkey("ada").await;
    let token = service.token_by(&passkey).await;
    let app = service.enrol(&token).await;
    let next = service.start_at(&token, "phr").await.unwrap();
    let password = password_step(PASSWORD);
    let after = service.continue_at(&token, &next.attempt, password).await;
    let after = after.unwrap().unwrap();
    assert_eq!(factors(&after), ["passkey"]);
    // A code is right, and not enough.
    let code = code_step(&app.code(&service));
    let still = service.continue_at(&token, &after.attempt, code).await;
    let still = still.unwrap().unwrap();
    assert_eq!(factors(&still), ["passkey"]);
    let step = passkey_step(passkey.answer(&options(&still)));
    let done = service.continue_at(&token, &still.attempt, step).await;
    assert_eq!(done.unwrap(), None);
}

#[tokio::test]
async fn account_that_cannot_reach_the_strength_is_told() {
    let service = TestService::with_passkeys("ada").await;
    let token = service.tokens("ada", "account").await.access_token;
    for acr in ["aal2", "phr"] {
        let refused = service.start_at(&token, acr).await;
        assert_refused(refused, Code::FailedPrecondition, "FACTOR_NOT_ENROLLED");
    }
    service.enrol(&token).await;
    service.start_at(&token, "aal2").await.unwrap();
}

#[tokio::test]
async fn refusal_is_recorded() {
    let (service, mut passkey) = TestService::with_passkey("ada").await;
    let token = service.token_by(&passkey).await;
    let next = service.start_at(&token, "").await.unwrap();
    passkey.origin = "https://evil.example".to_owned();
    let step = passkey_step(passkey.answer(&options(&next)));
    let refused = service.continue_at(&token, &next.attempt, step).await;
    assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
    let service = service.restart().await;
    assert_eq!(service.count(AuditKind::SecondFactorRefused).await, 1);
}
