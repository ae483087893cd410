//! Second factors that an account must have: set up in the sign-in, before anything else.

use auth_proto::v1::SetSecondFactorRequiredRequest;
use holdfast_identity::authentication::SecondFactorPolicy;
use tonic::Code;

use super::{enrol_step, factors, go_on, recovery_step, set_up};
use crate::support::{PASSWORD, TestService, assert_refused, bearer};

async fn service_with(policy: SecondFactorPolicy) -> TestService {
    TestService::start_with(|config| config.policy.second_factor = policy).await
}

#[tokio::test]
async fn account_that_must_have_one_sets_it_up_at_sign_in() {
    let service = service_with(SecondFactorPolicy::Required).await;
    service.add_user("ada", false).await;
    let refused = service.try_login("ada", PASSWORD).await;
    assert_refused(refused, Code::Unauthenticated, "ADDITIONAL_FACTOR_REQUIRED");
    let next = service.after_password("ada").await;
    assert_eq!(factors(&next), ["enrol_totp"]);
    let app = set_up(&next);
    let wrong = go_on(&next.attempt, enrol_step(&app.wrong_code(&service)));
    let wrong = service.finish(wrong).await;
    assert_refused(wrong, Code::Unauthenticated, "INVALID_CREDENTIALS");
    let first = app.code(&service);
    let login = service
        .finish(go_on(&next.attempt, enrol_step(&first)))
        .await;
    let login = login.unwrap();
    assert_eq!((login.acr.as_str(), &*login.amr[1]), ("aal2", "otp"));
    service
        .try_exchange(&login.login_ticket, "account")
        .await
        .unwrap();

    // From then on it is used, and the code that confirmed it counts as used.
    let next = service.after_password("ada").await;
    assert_eq!(factors(&next), ["totp"]);
    let again = go_on(&next.attempt, super::code_step(&first));
    let again = service.finish(again).await;
    assert_refused(again, Code::Unauthenticated, "INVALID_CREDENTIALS");
    service.clock.advance(crate::support::seconds(30));
    service.login_with("ada", &app).await;
}

#[tokio::test]
async fn two_attempts_set_up_one_second_factor() {
    let service = service_with(SecondFactorPolicy::Required).await;
    service.add_user("ada", false).await;
    let (one, two) = (
        service.after_password("ada").await,
        service.after_password("ada").await,
    );
    let (app, other) = (set_up(&one), set_up(&two));
    let code = app.code(&service);
    service
        .finish(go_on(&one.attempt, enrol_step(&code)))
        .await
        .unwrap();
    // A caller with the password cannot replace it by another.
    let late = go_on(&two.attempt, enrol_step(&other.code(&service)));
    let late = service.finish(late).await;
    assert_refused(late, Code::Unauthenticated, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn set_up_cannot_be_avoided() {
    let service = service_with(SecondFactorPolicy::Required).await;
    service.add_user("ada", false).await;
    let next = service.after_password("ada").await;
    for step in [
        super::code_step("000000"),
        recovery_step("0000-0000-0000-0000"),
    ] {
        let refused = service.finish(go_on(&next.attempt, step)).await;
        assert_refused(refused, Code::Unauthenticated, "ATTEMPT_INVALID");
    }
}

#[tokio::test]
async fn policy_for_administrators_concerns_only_them() {
    let service = service_with(SecondFactorPolicy::Admins).await;
    service.add_user("ada", false).await;
    service.add_user("root", true).await;
    assert_eq!(service.login("ada").await.acr, "aal1");
    let next = service.after_password("root").await;
    assert_eq!(factors(&next), ["enrol_totp"]);
}

#[tokio::test]
async fn administrator_requires_it_of_one_account() {
    let service = TestService::with_user("ada").await;
    let admin = service.admin_token().await;
    let tokens = service.tokens("ada", "account").await;
    let id = service.login("ada").await.user.unwrap().id;
    let require = async |required| {
        let request = SetSecondFactorRequiredRequest {
            user_id: id.clone(),
            required,
        };
        let request = bearer(request, &admin);
        let answer = service.admin().set_second_factor_required(request).await;
        answer.unwrap().into_inner().user.unwrap()
    };
    assert!(require(true).await.second_factor_required);
    assert!(require(true).await.second_factor_required);
    let ended = service.try_validate(&tokens.access_token).await;
    assert_refused(ended, Code::Unauthenticated, "LOGIN_ENDED");
    let next = service.after_password("ada").await;
    assert_eq!(factors(&next), ["enrol_totp"]);
    assert!(!require(false).await.second_factor_required);
    service.login("ada").await;
}

#[tokio::test]
async fn password_may_be_shorter_where_it_is_mandatory() {
    let service = service_with(SecondFactorPolicy::Admins).await;
    service.add_user("root", true).await;
    let next = service.after_password("root").await;
    let app = set_up(&next);
    let login = go_on(&next.attempt, enrol_step(&app.code(&service)));
    let login = service.finish(login).await.unwrap();
    let tokens = service
        .try_exchange(&login.login_ticket, "admin account")
        .await;
    let token = tokens.unwrap().access_token;
    let short = "vQ7#mK2!xZw";
    let change = crate::support::change_password(PASSWORD, short);
    service
        .account()
        .change_password(bearer(change, &token))
        .await
        .unwrap();
    let next = service.try_login("root", short).await;
    assert_refused(next, Code::Unauthenticated, "ADDITIONAL_FACTOR_REQUIRED");
    service.add_user("ada", false).await;
    let token = service.tokens("ada", "account").await.access_token;
    let change = crate::support::change_password(PASSWORD, short);
    let refused = service
        .account()
        .change_password(bearer(change, &token))
        .await;
    assert_refused(refused, Code::InvalidArgument, "PASSWORD_REJECTED");
}
