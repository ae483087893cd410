//! Changes of factors by the account's owner.

use auth_proto::v1::{
    ConfirmTotpEnrolmentRequest, CreateRecoveryCodesRequest, Factor, FactorKind,
    GetSecurityOverviewRequest, GetSecurityOverviewResponse, RemoveFactorRequest,
    StartTotpEnrolmentRequest, StartTotpEnrolmentResponse,
};
use holdfast_identity::authentication::SecondFactorPolicy;
use tonic::{Code, Status};

use super::{Authenticator, enrol_step, factors, go_on, recovery_step, set_up};
use crate::support::{
    PASSWORD, TestService, assert_refused, bearer, change_password, minutes, seconds,
};

impl TestService {
    pub(super) async fn overview(&self, token: &str) -> GetSecurityOverviewResponse {
        let request = bearer(GetSecurityOverviewRequest {}, token);
        let answer = self.account().get_security_overview(request).await;
        answer.unwrap().into_inner()
    }

    async fn start_enrolment(&self, token: &str) -> Result<StartTotpEnrolmentResponse, Status> {
        let request = bearer(StartTotpEnrolmentRequest {}, token);
        let started = self.account().start_totp_enrolment(request).await?;
        Ok(started.into_inner())
    }

    async fn confirm(&self, token: &str, enrolment: &str, code: &str) -> Result<(), Status> {
        let request = ConfirmTotpEnrolmentRequest {
            enrolment: enrolment.to_owned(),
            code: code.to_owned(),
            client: None,
        };
        let request = bearer(request, token);
        let confirmed = self.account().confirm_totp_enrolment(request).await;
        confirmed.map(drop)
    }

    async fn totp_id(&self, token: &str) -> String {
        let factors = self.overview(token).await.factors.unwrap().factors;
        let totp = factors.iter().find(|one| one.kind() == FactorKind::Totp);
        totp.unwrap().id.clone()
    }

    async fn remove(&self, token: &str, id: &str) -> Result<(), Status> {
        let request = RemoveFactorRequest {
            factor_id: id.to_owned(),
            client: None,
        };
        let removed = self.account().remove_factor(bearer(request, token)).await;
        removed.map(drop)
    }
}

#[tokio::test]
async fn overview_lists_factors_and_codes_left() {
    let (service, app) = TestService::with_totp("ada").await;
    let token = service.token_with("ada", &app).await;
    let codes = service.recovery_codes(&token).await;
    let next = service.after_password("ada").await;
    let used = go_on(&next.attempt, recovery_step(&codes[3]));
    service.finish(used).await.unwrap();
    let overview = service.overview(&token).await;
    assert_eq!(overview.strongest_acr, "aal2");
    assert!(!overview.second_factor_required);
    let account = overview.factors.unwrap();
    assert_eq!(account.recovery_codes_left, 9);
    let mut kinds: Vec<_> = account.factors.iter().map(Factor::kind).collect();
    // Both were added at the same time.
    kinds.sort_unstable();
    assert_eq!(kinds, [FactorKind::Password, FactorKind::Totp]);
    assert!(account.factors.iter().all(|one| one.last_used_at.is_some()));
}

#[tokio::test]
async fn new_recovery_codes_void_the_old() {
    let (service, app) = TestService::with_totp("ada").await;
    let token = service.token_with("ada", &app).await;
    let old = service.recovery_codes(&token).await;
    let new = service.recovery_codes(&token).await;
    assert!(new.iter().all(|code| !old.contains(code)));
    let next = service.after_password("ada").await;
    let refused = service
        .finish(go_on(&next.attempt, recovery_step(&old[0])))
        .await;
    assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
    service
        .finish(go_on(&next.attempt, recovery_step(&new[0])))
        .await
        .unwrap();
}

#[tokio::test]
async fn recovery_codes_need_a_second_factor() {
    let service = TestService::with_user("ada").await;
    let token = service.tokens("ada", "account").await.access_token;
    let request = bearer(CreateRecoveryCodesRequest { client: None }, &token);
    let refused = service.account().create_recovery_codes(request).await;
    assert_refused(refused, Code::FailedPrecondition, "FACTOR_NOT_ENROLLED");
}

#[tokio::test]
async fn removal_ends_other_logins_and_leaves_the_password() {
    let (service, app) = TestService::with_totp("ada").await;
    let other = service.token_with("ada", &app).await;
    let token = service.token_with("ada", &app).await;
    service.recovery_codes(&token).await;
    let id = service.totp_id(&token).await;
    for unknown in ["", "ada", "00000000-0000-4000-8000-000000000000"] {
        let refused = service.remove(&token, unknown).await;
        assert_refused(refused, Code::NotFound, "FACTOR_NOT_FOUND");
    }
    let user = service.try_validate(&token).await.unwrap().subject;
    let password = service.remove(&token, &user).await;
    assert_refused(password, Code::NotFound, "FACTOR_NOT_FOUND");
    service.remove(&token, &id).await.unwrap();
    let ended = service.try_validate(&other).await;
    assert_refused(ended, Code::Unauthenticated, "LOGIN_ENDED");
    let overview = service.overview(&token).await;
    assert_eq!(overview.strongest_acr, "aal1");
    assert_eq!(overview.factors.unwrap().recovery_codes_left, 0);
    assert_eq!(service.login("ada").await.acr, "aal1");
}

#[tokio::test]
async fn last_one_that_is_mandatory_stays() {
    let required = |config: &mut auth_service::config::ServeConfig| {
        config.policy.second_factor = SecondFactorPolicy::Required;
    };
    let service = TestService::start_with(required).await;
    service.add_user("ada", false).await;
    let next = service.after_password("ada").await;
    let login = go_on(&next.attempt, enrol_step(&set_up(&next).code(&service)));
    let login = service.finish(login).await.unwrap();
    let tokens = service.try_exchange(&login.login_ticket, "account").await;
    let token = tokens.unwrap().access_token;
    let id = service.totp_id(&token).await;
    let refused = service.remove(&token, &id).await;
    assert_refused(refused, Code::FailedPrecondition, "FACTOR_REQUIRED");
}

#[tokio::test]
async fn another_app_replaces_the_first() {
    let (service, app) = TestService::with_totp("ada").await;
    let other = service.token_with("ada", &app).await;
    let token = service.token_with("ada", &app).await;
    let new = service.enrol(&token).await;
    let ended = service.try_validate(&other).await;
    assert_refused(ended, Code::Unauthenticated, "LOGIN_ENDED");
    let next = service.after_password("ada").await;
    let old = go_on(&next.attempt, super::code_step(&app.code(&service)));
    let refused = service.finish(old).await;
    assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
    service.login_with("ada", &new).await;
}

#[tokio::test]
async fn enrolment_is_confirmed_by_a_right_code_in_its_login_once() {
    let service = TestService::with_user("ada").await;
    let token = service.tokens("ada", "account").await.access_token;
    let started = service.start_enrolment(&token).await.unwrap();
    let app = Authenticator::new(&started.set_up.unwrap().secret);
    for wrong in [app.wrong_code(&service), "12345".to_owned()] {
        let refused = service.confirm(&token, &started.enrolment, &wrong).await;
        assert_refused(refused, Code::InvalidArgument, "CODE_REJECTED");
    }
    let elsewhere = service.tokens("ada", "account").await.access_token;
    let code = app.code(&service);
    let foreign = service.confirm(&elsewhere, &started.enrolment, &code).await;
    assert_refused(foreign, Code::Unauthenticated, "ATTEMPT_INVALID");
    service
        .confirm(&token, &started.enrolment, &code)
        .await
        .unwrap();
    service.clock.advance(seconds(60));
    let again = service
        .confirm(&token, &started.enrolment, &app.code(&service))
        .await;
    // The login was authenticated by the password alone.
    assert_refused(again, Code::PermissionDenied, "STEP_UP_REQUIRED");
    let next = service.after_password("ada").await;
    assert_eq!(factors(&next), ["totp"]);
}

/// A stolen session, or one whose authentication is too old or too weak.
#[tokio::test]
async fn change_of_factors_needs_the_strongest_recent_authentication() {
    let service = TestService::with_user("ada").await;
    let weak = service.tokens("ada", "account").await.access_token;
    let app = service.enrol(&weak).await;
    let strong = service.token_with("ada", &app).await;
    let id = service.totp_id(&strong).await;
    let assert_all_refused = async |token: &str| {
        let start = service.start_enrolment(token).await;
        assert_refused(start, Code::PermissionDenied, "STEP_UP_REQUIRED");
        let removed = service.remove(token, &id).await;
        assert_refused(removed, Code::PermissionDenied, "STEP_UP_REQUIRED");
        let request = bearer(CreateRecoveryCodesRequest { client: None }, token);
        let codes = service.account().create_recovery_codes(request).await;
        assert_refused(codes, Code::PermissionDenied, "STEP_UP_REQUIRED");
        let request = change_password(PASSWORD, "a new and longer password");
        let request = bearer(request, token);
        let changed = service.account().change_password(request).await;
        assert_refused(changed, Code::PermissionDenied, "STEP_UP_REQUIRED");
    };
    assert_all_refused(&weak).await;
    let codes = service.recovery_codes(&strong).await;
    service.clock.advance(minutes(6));
    assert_all_refused(&strong).await;

    // A recovery code is what the owner has left.
    let next = service.after_password("ada").await;
    let login = service.finish(go_on(&next.attempt, recovery_step(&codes[0])));
    let ticket = login.await.unwrap().login_ticket;
    let tokens = service.try_exchange(&ticket, "account").await.unwrap();
    service.remove(&tokens.access_token, &id).await.unwrap();
}

#[tokio::test]
async fn new_password_keeps_second_factor_and_strength() {
    let (service, app) = TestService::with_totp("ada").await;
    let token = service.token_with("ada", &app).await;
    let new = "a new and longer password";
    let request = bearer(change_password(PASSWORD, new), &token);
    let changed = service.account().change_password(request).await;
    assert_eq!(changed.unwrap().into_inner().acr, "aal2");
    let refused = service.try_login("ada", new).await;
    assert_refused(refused, Code::Unauthenticated, "ADDITIONAL_FACTOR_REQUIRED");
}
