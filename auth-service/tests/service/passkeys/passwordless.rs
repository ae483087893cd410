//! Accounts without a password: its removal and a new one, what they keep, and administration.

use auth_proto::v1::{
    AddPasswordRequest, ContinueAuthenticationRequest, FactorKind, GetSecurityOverviewRequest,
    GetSecurityOverviewResponse, ListTrustedBrowsersRequest, ListUserFactorsRequest,
    RemoveFactorRequest, RemovePasswordRequest, ResetUserFactorsRequest, SetPasswordRequest,
    StartAuthenticationRequest,
};
use holdfast_identity::{audit::AuditKind, authentication::SecondFactorPolicy};
use serde_json::{Value, json};
use tonic::{Code, Status};

use super::{
    authenticator::{BE, BS, Passkey},
    options, passkey_step,
};
use crate::{
    second_factor::{factors, go_on, password_step, recovery_step, start},
    support::{
        PASSWORD, TestService, assert_refused, bearer, browser_login, change_password,
        from_web_service, minutes, seconds,
    },
};

const NEW_PASSWORD: &str = "seven green lamps on the pier";

/// The response to a registration, with the claim that the passkey is not discoverable.
fn hidden(response: &str) -> String {
    let mut response: Value = serde_json::from_str(response).unwrap();
    response["clientExtensionResults"] = json!({"credProps": {"rk": false}});
    response.to_string()
}

impl TestService {
    async fn remove_password(&self, token: &str) -> Result<(), Status> {
        let request = bearer(RemovePasswordRequest { client: None }, token);
        self.account().remove_password(request).await.map(drop)
    }

    async fn add_password(&self, token: &str, password: &str) -> Result<(), Status> {
        let request = AddPasswordRequest {
            password: password.to_owned(),
            client: None,
        };
        let added = self.account().add_password(bearer(request, token)).await;
        added.map(drop)
    }

    async fn remove_passkey(&self, token: &str, id: &str) -> Result<(), Status> {
        let request = RemoveFactorRequest {
            factor_id: id.to_owned(),
            client: None,
        };
        let removed = self.account().remove_factor(bearer(request, token)).await;
        removed.map(drop)
    }

    async fn security(&self, token: &str) -> GetSecurityOverviewResponse {
        let request = bearer(GetSecurityOverviewRequest {}, token);
        let answer = self.account().get_security_overview(request).await;
        answer.unwrap().into_inner()
    }

    /// A passkey by a device that does not verify its user.
    async fn register_unverified(&self, token: &str) {
        let (registration, options) = self.start_registration(token).await.unwrap();
        let (_, response) = Passkey::create_with(&options, BE | BS);
        let finished = self.finish_registration(token, &registration, response);
        finished.await.unwrap();
    }

    /// A passkey that the browser says is not discoverable.
    async fn register_hidden(&self, token: &str) {
        let (registration, options) = self.start_registration(token).await.unwrap();
        let (_, response) = Passkey::create(&options);
        let finished = self.finish_registration(token, &registration, hidden(&response));
        finished.await.unwrap();
    }

    /// An account without a password, with two passkeys; the identifier of the second; and a token by the first.
    pub(super) async fn passwordless(name: &str) -> (Self, Passkey, String, String) {
        let (service, passkey) = Self::with_passkey(name).await;
        let token = service.token_by(&passkey).await;
        let (_, second) = service.register(&token).await;
        service.remove_password(&token).await.unwrap();
        (service, passkey, second, token)
    }

    /// An account without a password, with one passkey and recovery codes; and a token by the passkey.
    pub(super) async fn passwordless_with_codes(
        name: &str,
    ) -> (Self, Passkey, Vec<String>, String) {
        let (service, passkey) = Self::with_passkey(name).await;
        let token = service.token_by(&passkey).await;
        let codes = service.recovery_codes(&token).await;
        service.remove_password(&token).await.unwrap();
        (service, passkey, codes, token)
    }
}

#[tokio::test]
async fn password_is_removed_with_two_passkeys() {
    let (service, passkey) = TestService::with_passkey("ada").await;
    let token = service.token_by(&passkey).await;
    let other = service.token_by(&passkey).await;
    let refused = service.remove_password(&token).await;
    assert_refused(refused, Code::FailedPrecondition, "FACTOR_REQUIRED");
    assert!(!service.security(&token).await.password_optional);
    // A device that does not verify its user cannot be the only factor.
    service.register_unverified(&token).await;
    // Neither can one that is not found without its identifier.
    service.register_hidden(&token).await;
    let refused = service.remove_password(&token).await;
    assert_refused(refused, Code::FailedPrecondition, "FACTOR_REQUIRED");
    service.register(&token).await;
    assert!(service.security(&token).await.password_optional);

    service.remove_password(&token).await.unwrap();
    let overview = service.security(&token).await;
    assert!(overview.password_optional);
    assert_eq!(overview.user.unwrap().password_changed_at, None);
    let left = overview.factors.unwrap().factors;
    assert!(left.iter().all(|one| one.kind() == FactorKind::Passkey));
    let ended = service.try_validate(&other).await;
    assert_refused(ended, Code::Unauthenticated, "LOGIN_ENDED");
    assert_eq!(service.count(AuditKind::PasswordRemoved).await, 1);
    let again = service.remove_password(&token).await;
    assert_refused(again, Code::NotFound, "FACTOR_NOT_FOUND");
    let login = service.login_by(&passkey).await.unwrap();
    assert_eq!(login.acr, "phr");
}

#[tokio::test]
async fn password_is_removed_with_one_passkey_and_recovery_codes() {
    let (service, passkey, _, _) = TestService::passwordless_with_codes("ada").await;
    service.login_by(&passkey).await.unwrap();
    assert_eq!(service.count(AuditKind::PasswordRemoved).await, 1);
}

#[tokio::test]
async fn removal_of_password_needs_recent_authentication_by_passkey() {
    let (service, passkey) = TestService::with_passkey("ada").await;
    let token = service.token_by(&passkey).await;
    let codes = service.recovery_codes(&token).await;
    // A recovery code is enough for other changes; here it would leave passkeys that may be lost.
    let next = service.after_password("ada").await;
    let login = service.finish(go_on(&next.attempt, recovery_step(&codes[0])));
    let ticket = login.await.unwrap().login_ticket;
    let by_code = service.try_exchange(&ticket, "account").await.unwrap();
    let refused = service.remove_password(&by_code.access_token).await;
    assert_refused(refused, Code::PermissionDenied, "STEP_UP_REQUIRED");
    service.clock.advance(minutes(6));
    let refused = service.remove_password(&token).await;
    assert_refused(refused, Code::PermissionDenied, "STEP_UP_REQUIRED");
    let token = service.token_by(&passkey).await;
    service.remove_password(&token).await.unwrap();
}

#[tokio::test]
async fn removal_of_password_ends_the_trust_of_browsers() {
    let (service, passkey) = TestService::with_passkey("ada").await;
    let token = service.token_by(&passkey).await;
    service.register(&token).await;
    let request = StartAuthenticationRequest {
        client: browser_login().client,
        ..start("ada", Some(password_step(PASSWORD)))
    };
    let next = service.begin_with(from_web_service(request)).await;
    let request = ContinueAuthenticationRequest {
        client: browser_login().client,
        trust_browser: true,
        ..go_on(&next.attempt, passkey_step(passkey.answer(&options(&next))))
    };
    let login = service.finish(from_web_service(request)).await.unwrap();
    assert!(login.trusted_browser.starts_with("hfb_"));
    let trusted = async || {
        let request = bearer(ListTrustedBrowsersRequest {}, &token);
        let listed = service.account().list_trusted_browsers(request).await;
        listed.unwrap().into_inner().browsers.len()
    };
    assert_eq!(trusted().await, 1);
    service.remove_password(&token).await.unwrap();
    assert_eq!(trusted().await, 0);
}

#[tokio::test]
async fn password_is_not_removed_where_passkeys_are_off() {
    let service = TestService::with_user("ada").await;
    let token = service.tokens("ada", "account").await.access_token;
    assert!(!service.security(&token).await.password_optional);
    let refused = service.remove_password(&token).await;
    assert_refused(refused, Code::FailedPrecondition, "PASSKEYS_OFF");
}

#[tokio::test]
async fn password_sign_in_of_account_without_one_is_like_a_wrong_password() {
    let (service, ..) = TestService::passwordless("ada").await;
    service.add_user("bob", false).await;
    let mut answers = Vec::new();
    for (name, password) in [("ada", PASSWORD), ("bob", "wrong"), ("eve", PASSWORD)] {
        let step = Some(password_step(password));
        let refused = service.auth().start_authentication(start(name, step)).await;
        let status = refused.unwrap_err();
        answers.push((
            status.code(),
            status.message().to_owned(),
            status.details().to_vec(),
        ));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    let refused = service.try_login("ada", "").await;
    assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn account_without_password_keeps_two_passkeys_or_one_and_codes() {
    let (service, _, second, token) = TestService::passwordless("ada").await;
    let refused = service.remove_passkey(&token, &second).await;
    assert_refused(refused, Code::FailedPrecondition, "FACTOR_REQUIRED");
    let codes = service.recovery_codes(&token).await;
    service.remove_passkey(&token, &second).await.unwrap();
    let factors = service.security(&token).await.factors.unwrap().factors;
    assert_eq!(factors.len(), 1);
    let refused = service.remove_passkey(&token, &factors[0].id).await;
    assert_refused(refused, Code::FailedPrecondition, "FACTOR_REQUIRED");
    // New codes take the place of the old ones.
    assert_eq!(codes.len(), service.recovery_codes(&token).await.len());
}

#[tokio::test]
async fn one_time_codes_are_removed_from_account_without_password() {
    let (service, passkey, _, token) = TestService::passwordless("ada").await;
    service.enrol(&token).await;
    let token = service.token_by(&passkey).await;
    let factors = service.security(&token).await.factors.unwrap().factors;
    let totp = factors.iter().find(|one| one.kind() == FactorKind::Totp);
    let id = &totp.unwrap().id;
    service.remove_passkey(&token, id).await.unwrap();
}

#[tokio::test]
async fn passkey_of_account_without_password_signs_in_alone() {
    let (service, _, _, token) = TestService::passwordless("ada").await;
    let (registration, options) = service.start_registration(&token).await.unwrap();
    let json: Value = serde_json::from_str(&options).unwrap();
    let selection = &json["authenticatorSelection"];
    assert_eq!(selection["userVerification"], "required");
    assert_eq!(selection["residentKey"], "required");
    let (_, response) = Passkey::create_with(&options, BE | BS);
    let refused = service.finish_registration(&token, &registration, response);
    assert_refused(refused.await, Code::InvalidArgument, "PASSKEY_REJECTED");
    let (_, response) = Passkey::create(&options);
    let refused = service.finish_registration(&token, &registration, hidden(&response));
    assert_refused(refused.await, Code::InvalidArgument, "PASSKEY_REJECTED");
    let added = service.finish_registration(&token, &registration, response);
    added.await.unwrap();
}

#[tokio::test]
async fn reauthentication_without_password_is_by_passkey() {
    let (service, passkey, _, token) = TestService::passwordless("ada").await;
    service.clock.advance(minutes(6));
    let next = service.start_at(&token, "").await.unwrap();
    assert_eq!(factors(&next), ["passkey"]);
    let wrong = service.continue_at(&token, &next.attempt, password_step(PASSWORD));
    assert_refused(wrong.await, Code::Unauthenticated, "INVALID_CREDENTIALS");
    let code = recovery_step("7x3k-0m9w-p4dz-h2qa");
    let wrong = service.continue_at(&token, &next.attempt, code).await;
    assert_refused(wrong, Code::Unauthenticated, "ATTEMPT_INVALID");
    let step = passkey_step(passkey.answer(&options(&next)));
    let done = service.continue_at(&token, &next.attempt, step).await;
    assert_eq!(done.unwrap(), None);
}

#[tokio::test]
async fn password_is_added_again_and_ends_no_login() {
    let (service, passkey, _, token) = TestService::passwordless("ada").await;
    let other = service.token_by(&passkey).await;
    let change = change_password(PASSWORD, NEW_PASSWORD);
    let refused = service
        .account()
        .change_password(bearer(change, &token))
        .await;
    assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
    let weak = service.add_password(&token, "ada ada ada ada ada").await;
    assert_refused(weak, Code::InvalidArgument, "PASSWORD_REJECTED");
    service.add_password(&token, NEW_PASSWORD).await.unwrap();
    let again = service.add_password(&token, PASSWORD).await;
    assert_refused(again, Code::Aborted, "CONFLICT");
    service.try_validate(&other).await.unwrap();
    assert_eq!(service.count(AuditKind::PasswordAdded).await, 1);
    // The passkey follows it.
    let step = Some(password_step(NEW_PASSWORD));
    let next = service.begin_with(start("ada", step)).await;
    let response = passkey.answer(&options(&next));
    let login = service.finish(go_on(&next.attempt, passkey_step(response)));
    assert_eq!(login.await.unwrap().amr, ["pwd", "swk", "mfa"]);
}

#[tokio::test]
async fn adding_password_needs_recent_authentication() {
    let (service, passkey, _, token) = TestService::passwordless("ada").await;
    service.clock.advance(minutes(6));
    let refused = service.add_password(&token, NEW_PASSWORD).await;
    assert_refused(refused, Code::PermissionDenied, "STEP_UP_REQUIRED");
    let token = service.token_by(&passkey).await;
    service.add_password(&token, NEW_PASSWORD).await.unwrap();
}

#[tokio::test]
async fn reset_of_factors_needs_a_password_before() {
    let (service, passkey, _, token) = TestService::passwordless("ada").await;
    let admin = service.admin_token().await;
    let user_id = service.try_validate(&token).await.unwrap().subject;
    let reset = async || {
        let user_id = user_id.clone();
        let request = bearer(ResetUserFactorsRequest { user_id }, &admin);
        service.admin().reset_user_factors(request).await
    };
    assert_refused(reset().await, Code::FailedPrecondition, "FACTOR_REQUIRED");
    service.login_by(&passkey).await.unwrap();
    let request = SetPasswordRequest {
        user_id: user_id.clone(),
        new_password: NEW_PASSWORD.to_owned(),
    };
    let request = bearer(request, &admin);
    service.admin().set_password(request).await.unwrap();
    reset().await.unwrap();
    let request = ListUserFactorsRequest {
        user_id: user_id.clone(),
    };
    let request = bearer(request, &admin);
    let list = service.admin().list_user_factors(request).await;
    let left = list.unwrap().into_inner().factors.unwrap().factors;
    assert_eq!(left.len(), 1);
    let login = service.try_login("ada", NEW_PASSWORD).await.unwrap();
    assert_eq!(login.acr, "aal1");
}

#[tokio::test]
async fn account_without_password_satisfies_a_mandatory_second_factor() {
    let service = TestService::with_passkeys_and("ada", SecondFactorPolicy::Required).await;
    let next = service.after_password("ada").await;
    let (passkey, response) = Passkey::create(&options(&next));
    let step = super::enrol_passkey_step(response);
    service.finish(go_on(&next.attempt, step)).await.unwrap();
    let token = service.token_by(&passkey).await;
    service.register(&token).await;
    service.clock.advance(seconds(1));
    service.remove_password(&token).await.unwrap();
    let login = service.login_by(&passkey).await.unwrap();
    assert_eq!((login.acr.as_str(), login.amr.len()), ("phr", 2));
}
