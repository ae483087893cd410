//! Known ways around a second factor.

use auth_proto::v1::{
    ContinueReauthenticationRequest, DisableUserRequest, EnableUserRequest, SetPasswordRequest,
};
use tokio::task::JoinSet;
use tonic::{Code, Status};

use super::{code_step, enrol_step, go_on, password_step, recovery_step, start};
use crate::support::{
    PASSWORD, TestService, assert_refused, bearer, minutes, reason, rounds, seconds,
};

#[tokio::test]
async fn step_that_may_not_follow_is_refused() {
    let (service, app) = TestService::with_totp("ada").await;
    let code = app.code(&service);
    // The code without the password: neither at the start, nor by continuing the attempt from before it.
    let at_once = start("ada", Some(code_step(&code)));
    let refused = service.auth().start_authentication(at_once).await;
    assert_refused(refused, Code::Unauthenticated, "ATTEMPT_INVALID");
    let first = service.begin_with(start("ada", None)).await;
    for step in [
        code_step(&code),
        enrol_step(&code),
        recovery_step("0000-0000-0000-0000"),
    ] {
        let refused = service.finish(go_on(&first.attempt, step)).await;
        assert_refused(refused, Code::Unauthenticated, "ATTEMPT_INVALID");
    }
    // The password again, and another set-up in place of the code.
    let next = service.after_password("ada").await;
    for step in [password_step(PASSWORD), enrol_step(&code)] {
        let refused = service.finish(go_on(&next.attempt, step)).await;
        assert_refused(refused, Code::Unauthenticated, "ATTEMPT_INVALID");
    }
    service
        .finish(go_on(&next.attempt, code_step(&code)))
        .await
        .unwrap();
}

#[tokio::test]
async fn attempt_of_one_purpose_is_not_continued_by_another_call() {
    let (service, app) = TestService::with_totp("ada").await;
    let token = service.token_with("ada", &app).await;
    let sign_in = service.after_password("ada").await;
    let request = ContinueReauthenticationRequest {
        attempt: sign_in.attempt,
        step: Some(code_step(&app.code(&service))),
        client: None,
    };
    let request = bearer(request, &token);
    let refused = service.account().continue_reauthentication(request).await;
    assert_refused(refused, Code::Unauthenticated, "ATTEMPT_INVALID");
}

/// The second factor of one account with the password of another.
#[tokio::test]
async fn code_of_another_account_is_wrong() {
    let (service, _) = TestService::with_totp("ada").await;
    service.add_user("eve", false).await;
    let token = service.tokens("eve", "account").await.access_token;
    let of_eve = service.enrol(&token).await;
    let token = service.token_with("eve", &of_eve).await;
    let codes = service.recovery_codes(&token).await;
    let next = service.after_password("ada").await;
    for step in [code_step(&of_eve.code(&service)), recovery_step(&codes[0])] {
        let refused = service.finish(go_on(&next.attempt, step)).await;
        assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
    }
}

#[tokio::test]
async fn code_is_accepted_once_of_parallel_requests() {
    let (service, app) = TestService::with_totp("ada").await;
    for _ in 0..rounds(3) {
        let code = app.code(&service);
        let mut requests = JoinSet::new();
        for _ in 0..8 {
            // Each with an attempt of its own, so that only the code can tell.
            let next = service.after_password("ada").await;
            let (mut auth, request) = (service.auth(), go_on(&next.attempt, code_step(&code)));
            requests.spawn(async move { auth.continue_authentication(request).await });
        }
        let answers = requests.join_all().await;
        let (accepted, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(accepted.len(), 1);
        for refused in refused {
            assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
        }
        // As many wrong codes in a row were counted.
        service.clock.advance(minutes(60 * 25));
    }
}

#[tokio::test]
async fn earlier_code_is_refused_after_a_later_one() {
    let (service, app) = TestService::with_totp("ada").await;
    let earlier = app.code(&service);
    service.clock.advance(seconds(30));
    let next = service.after_password("ada").await;
    let later = go_on(&next.attempt, code_step(&app.code(&service)));
    service.finish(later).await.unwrap();
    let next = service.after_password("ada").await;
    let refused = service
        .finish(go_on(&next.attempt, code_step(&earlier)))
        .await;
    assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
}

/// Over many attempts, which an attacker who knows the password begins.
#[tokio::test]
async fn guesses_are_counted_for_the_account() {
    let (service, app) = TestService::with_totp("ada").await;
    let wrong = app.wrong_code(&service);
    let mut answers = Vec::new();
    for _ in 0..11 {
        let next = service.after_password("ada").await;
        let refused = service
            .finish(go_on(&next.attempt, code_step(&wrong)))
            .await;
        answers.push(reason(&refused.unwrap_err()));
    }
    assert!(
        answers[..10]
            .iter()
            .all(|reason| reason == "INVALID_CREDENTIALS")
    );
    assert_eq!(answers[10], "THROTTLED");
    // The right code has to wait, too, and so does a recovery code.
    let next = service.after_password("ada").await;
    for step in [
        code_step(&app.code(&service)),
        recovery_step("0000-0000-0000-0000"),
    ] {
        let refused = service.finish(go_on(&next.attempt, step)).await;
        assert_refused(refused, Code::ResourceExhausted, "THROTTLED");
    }
    service.clock.advance(seconds(31));
    let next = service.after_password("ada").await;
    let right = go_on(&next.attempt, code_step(&app.code(&service)));
    service.finish(right).await.unwrap();
}

#[tokio::test]
async fn hundred_guesses_are_the_limit() {
    let (service, app) = TestService::with_totp("ada").await;
    let mut wrong = 0;
    for _ in 0..120 {
        let code = app.wrong_code(&service);
        let next = service.after_password("ada").await;
        let refused = service.finish(go_on(&next.attempt, code_step(&code))).await;
        wrong += usize::from(reason(&refused.unwrap_err()) == "INVALID_CREDENTIALS");
        service.clock.advance(minutes(16));
    }
    assert_eq!(wrong, 100);
}

#[tokio::test]
async fn disabled_or_deleted_account_is_refused_between_two_steps() {
    let (service, app) = TestService::with_totp("ada").await;
    let admin = service.admin_token().await;
    let id = service.login_with("ada", &app).await.user.unwrap().id;
    let next = service.after_password("ada").await;
    let request = DisableUserRequest {
        user_id: id.clone(),
    };
    let request = bearer(request, &admin);
    service.admin().disable_user(request).await.unwrap();
    let right = go_on(&next.attempt, code_step(&app.code(&service)));
    let wrong = go_on(&next.attempt, code_step(&app.wrong_code(&service)));
    let answers = [
        service.finish(right.clone()).await.unwrap_err(),
        service.finish(wrong).await.unwrap_err(),
    ];
    let bytes = |status: &Status| {
        (
            status.code(),
            status.message().to_owned(),
            status.details().to_vec(),
        )
    };
    assert_eq!(bytes(&answers[0]), bytes(&answers[1]));
    assert_eq!(reason(&answers[0]), "INVALID_CREDENTIALS");
    // The code was not used up.
    let request = EnableUserRequest {
        user_id: id.clone(),
    };
    let request = bearer(request, &admin);
    service.admin().enable_user(request).await.unwrap();
    service.finish(right).await.unwrap();

    let next = service.after_password("ada").await;
    let request = auth_proto::v1::DeleteUserRequest { user_id: id };
    service
        .admin()
        .delete_user(bearer(request, &admin))
        .await
        .unwrap();
    service.clock.advance(seconds(30));
    let deleted = go_on(&next.attempt, code_step(&app.code(&service)));
    let deleted = service.finish(deleted).await.unwrap_err();
    assert_eq!(bytes(&deleted), bytes(&answers[0]));
}

#[tokio::test]
async fn new_password_between_two_steps_voids_the_attempt() {
    let (service, app) = TestService::with_totp("ada").await;
    let admin = service.admin_token().await;
    let id = service.login_with("ada", &app).await.user.unwrap().id;
    let next = service.after_password("ada").await;
    let request = SetPasswordRequest {
        user_id: id,
        new_password: "a new and longer password".to_owned(),
    };
    let request = bearer(request, &admin);
    service.admin().set_password(request).await.unwrap();
    let refused = service.finish(go_on(&next.attempt, code_step(&app.code(&service))));
    assert_refused(refused.await, Code::Unauthenticated, "INVALID_CREDENTIALS");
}
