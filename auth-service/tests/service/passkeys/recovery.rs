//! The way into an account without a password whose passkeys are lost: a recovery code, and then a new passkey.

use auth_proto::v1::{
    AuthenticationStep, Client, ContinueAuthenticationRequest, DisableUserRequest, NextSteps,
    StartAuthenticationRequest,
};
use holdfast_identity::audit::AuditKind;
use tonic::{Code, Status};

use super::{
    authenticator::{BE, BS, Passkey},
    enrol_passkey_step, options, passkey_step,
};
use crate::{
    second_factor::{code_step, factors, go_on, password_step, recovery_step, start},
    support::{
        PASSWORD, TestService, assert_refused, bearer, browser_login, from_web_service, minutes,
    },
};

const WRONG_CODE: &str = "0000-0000-0000-0000";

fn with_code(name: &str, code: &str) -> StartAuthenticationRequest {
    start(name, Some(recovery_step(code)))
}

/// What a caller sees of a refusal.
fn visible(status: &Status) -> (Code, String, Vec<u8>) {
    (
        status.code(),
        status.message().to_owned(),
        status.details().to_vec(),
    )
}

impl TestService {
    async fn refusal_of_code(&self, name: &str, code: &str) -> Status {
        let request = with_code(name, code);
        let refused = self.auth().start_authentication(request).await;
        refused.unwrap_err()
    }

    async fn is_refused(&self, next: &NextSteps, step: AuthenticationStep) {
        let refused = self.finish(go_on(&next.attempt, step)).await;
        assert_refused(refused, Code::Unauthenticated, "ATTEMPT_INVALID");
    }
}

#[tokio::test]
async fn recovery_code_is_followed_by_a_new_passkey() {
    let (service, lost, codes, token) = TestService::passwordless_with_codes("ada").await;
    let next = service.begin_with(with_code("Ada", &codes[0])).await;
    assert_eq!(factors(&next), ["enrol_passkey"]);
    // The login of the lost device lasts until then.
    service.try_validate(&token).await.unwrap();
    let (passkey, response) = Passkey::create(&options(&next));
    let step = enrol_passkey_step(response);
    let login = service.finish(go_on(&next.attempt, step.clone()));
    let login = login.await.unwrap();
    assert_eq!(login.amr, ["rc", "swk", "mfa"]);
    assert_eq!(login.acr, "phr");
    let ended = service.try_validate(&token).await;
    assert_refused(ended, Code::Unauthenticated, "LOGIN_ENDED");
    let again = service.finish(go_on(&next.attempt, step)).await;
    assert!(again.is_err());
    service.login_by(&passkey).await.unwrap();
    // The owner removes the lost one, in a login that may change factors.
    service.login_by(&lost).await.unwrap();
    let tokens = service.try_exchange(&login.login_ticket, "account").await;
    service.register(&tokens.unwrap().access_token).await;
    assert_eq!(service.count(AuditKind::RecoveryCodeUsed).await, 1);
    let used = service.refusal_of_code("ada", &codes[0]).await;
    assert_eq!(used.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn recovery_code_continues_an_attempt_without_a_step() {
    let (service, _, codes, _) = TestService::passwordless_with_codes("ada").await;
    let next = service.begin_with(start("ada", None)).await;
    let request = go_on(&next.attempt, recovery_step(&codes[3]));
    let next = service.continue_with(request).await;
    assert_eq!(factors(&next), ["enrol_passkey"]);
    let (_, response) = Passkey::create(&options(&next));
    let step = enrol_passkey_step(response);
    service.finish(go_on(&next.attempt, step)).await.unwrap();
}

#[tokio::test]
async fn nothing_but_a_new_passkey_follows_a_recovery_code() {
    let (service, mut lost, codes, token) = TestService::passwordless_with_codes("ada").await;
    let app = service.enrol(&token).await;
    let next = service.begin_with(with_code("ada", &codes[0])).await;
    for step in [
        code_step(&app.code(&service)),
        recovery_step(&codes[1]),
        password_step(PASSWORD),
    ] {
        service.is_refused(&next, step).await;
    }
    // Two things that the owner has are not two factors: neither a passkey without its user, nor a new one.
    lost.flags = BE | BS;
    let step = passkey_step(lost.answer(&options(&next)));
    service.is_refused(&next, step).await;
    let (_, response) = Passkey::create_with(&options(&next), BE | BS);
    let unverified = service.finish(go_on(&next.attempt, enrol_passkey_step(response)));
    assert_refused(
        unverified.await,
        Code::Unauthenticated,
        "INVALID_CREDENTIALS",
    );
    assert_eq!(service.count(AuditKind::SignedIn).await, 2);
}

#[tokio::test]
async fn refused_recovery_code_shows_nothing_of_the_account() {
    let (service, _, codes, token) = TestService::passwordless_with_codes("ada").await;
    service.add_user("bob", false).await;
    let user_id = service.try_validate(&token).await.unwrap().subject;
    let mut answers = Vec::new();
    for (name, code) in [
        ("ada", WRONG_CODE),
        ("bob", WRONG_CODE),
        ("bob", &codes[0]),
        ("eve", WRONG_CODE),
        ("no name at all", WRONG_CODE),
        ("", WRONG_CODE),
    ] {
        answers.push(visible(&service.refusal_of_code(name, code).await));
    }
    let admin = service.admin_token().await;
    let request = bearer(DisableUserRequest { user_id }, &admin);
    service.admin().disable_user(request).await.unwrap();
    answers.push(visible(&service.refusal_of_code("ada", &codes[0]).await));
    answers.dedup();
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].0, Code::Unauthenticated);
    // The code of a disabled account is not used up.
    assert_eq!(service.count(AuditKind::RecoveryCodeUsed).await, 0);
    let service = service.restart().await;
    assert_eq!(service.count(AuditKind::SignInRefused).await, 7);
}

#[tokio::test]
async fn recovery_code_of_account_with_password_is_no_first_step() {
    let (service, passkey) = TestService::with_passkey("ada").await;
    let token = service.token_by(&passkey).await;
    let codes = service.recovery_codes(&token).await;
    let refused = service.refusal_of_code("ada", &codes[0]).await;
    assert_eq!(refused.code(), Code::Unauthenticated);
    assert_eq!(service.count(AuditKind::RecoveryCodeUsed).await, 0);
    let next = service.after_password("ada").await;
    let login = service.finish(go_on(&next.attempt, recovery_step(&codes[0])));
    assert_eq!(login.await.unwrap().acr, "aal2");
}

#[tokio::test]
async fn recovery_codes_are_counted_with_passwords_for_every_name() {
    let (service, _, codes, _) = TestService::passwordless_with_codes("ada").await;
    let mut answers = Vec::new();
    for name in ["ada", "eve"] {
        let from = |step| {
            let mut request = start(name, Some(step));
            request.client = Some(Client {
                ip_address: "198.51.100.7".to_owned(),
                ..Default::default()
            });
            from_web_service(request)
        };
        for _ in 0..3 {
            for step in [recovery_step(WRONG_CODE), password_step("wrong")] {
                let refused = service.auth().start_authentication(from(step)).await;
                answers.push((name, visible(&refused.unwrap_err())));
            }
        }
        let right = from(recovery_step(&codes[0]));
        let refused = service.auth().start_authentication(right).await;
        assert_refused(refused, Code::ResourceExhausted, "THROTTLED");
    }
    let of = |wanted| {
        let own = answers.iter().filter(move |(name, _)| *name == wanted);
        own.map(|(_, visible)| visible).collect::<Vec<_>>()
    };
    assert_eq!(of("ada"), of("eve"));
}

#[tokio::test]
async fn trusted_browser_does_not_complete_a_recovery() {
    let (service, passkey, codes, _) = TestService::passwordless_with_codes("ada").await;
    let in_browser = |request: StartAuthenticationRequest| {
        from_web_service(StartAuthenticationRequest {
            client: browser_login().client,
            ..request
        })
    };
    let next = service.begin_with(in_browser(start("", None))).await;
    let step = passkey_step(passkey.answer(&options(&next)));
    let request = ContinueAuthenticationRequest {
        client: browser_login().client,
        trust_browser: true,
        ..go_on(&next.attempt, step)
    };
    let login = service.finish(from_web_service(request)).await.unwrap();
    let request = StartAuthenticationRequest {
        trusted_browser: login.trusted_browser,
        ..with_code("ada", &codes[0])
    };
    let next = service.begin_with(in_browser(request)).await;
    assert_eq!(factors(&next), ["enrol_passkey"]);
}

#[tokio::test]
async fn recovery_that_another_change_overtook_is_refused() {
    let (service, _, codes, token) = TestService::passwordless_with_codes("ada").await;
    let next = service.begin_with(with_code("ada", &codes[0])).await;
    service.register(&token).await;
    let (_, response) = Passkey::create(&options(&next));
    let late = service.finish(go_on(&next.attempt, enrol_passkey_step(response)));
    assert_refused(late.await, Code::Unauthenticated, "INVALID_CREDENTIALS");
    let next = service.begin_with(with_code("ada", &codes[1])).await;
    let (_, response) = Passkey::create(&options(&next));
    service.clock.advance(minutes(10));
    let late = service.finish(go_on(&next.attempt, enrol_passkey_step(response)));
    assert_refused(late.await, Code::Unauthenticated, "ATTEMPT_INVALID");
}

#[tokio::test]
async fn recovery_code_is_no_step_where_passkeys_are_off() {
    let service = TestService::with_user("ada").await;
    let refused = service.refusal_of_code("ada", WRONG_CODE).await;
    assert_eq!(refused.code(), Code::Unauthenticated);
    let next = service.begin_with(start("ada", None)).await;
    assert_eq!(factors(&next), ["password"]);
}

#[tokio::test]
async fn racing_uses_of_a_recovery_code_have_one_winner() {
    let (service, _, codes, _) = TestService::passwordless_with_codes("ada").await;
    let attempts = (0..5).map(|_| async {
        let request = with_code("ada", &codes[0]);
        service.auth().start_authentication(request).await.is_ok()
    });
    let results = futures_util::future::join_all(attempts).await;
    assert_eq!(results.iter().filter(|is_ok| **is_ok).count(), 1);
}
