//! Sign-in by passkeys.

use auth_proto::v1::{DisableUserRequest, LoginResponse};
use holdfast_identity::{
    audit::{AuditKind, AuditQuery},
    authentication::SecondFactorPolicy,
};
use serde_json::Value;
use tonic::{Code, Status};

use super::{
    authenticator::{BE, BS, Passkey, UV},
    options, passkey_step,
};
use crate::{
    second_factor::{code_step, factors, go_on, start},
    support::{TestService, assert_refused, bearer, minutes},
};

impl TestService {
    /// Signs in from an empty form.
    pub(super) async fn login_by(&self, passkey: &Passkey) -> Result<LoginResponse, Status> {
        let next = self.begin_with(start("", None)).await;
        let response = passkey.answer(&options(&next));
        self.finish(go_on(&next.attempt, passkey_step(response)))
            .await
    }

    /// The number of stored audit events of a kind.
    pub(super) async fn count(&self, kind: AuditKind) -> usize {
        let query = AuditQuery {
            kind: Some(kind),
            limit: 100,
            ..AuditQuery::default()
        };
        self.store().await.events(&query).await.unwrap().len()
    }
}

#[tokio::test]
async fn passkey_signs_in_from_an_empty_form() {
    let (service, passkey) = TestService::with_passkey("ada").await;
    let login = service.login_by(&passkey).await.unwrap();
    assert_eq!(login.user.unwrap().username, "ada");
    assert_eq!(login.amr, ["swk", "mfa"]);
    assert_eq!(login.acr, "phr");
}

#[tokio::test]
async fn steps_do_not_depend_on_the_username() {
    let (service, passkey) = TestService::with_passkey("ada").await;
    service.add_user("bob", false).await;
    let mut lengths = Vec::new();
    for name in ["ada", "bob", "eve"] {
        let next = service.begin_with(start(name, None)).await;
        assert_eq!(factors(&next), ["password", "passkey", "recovery_code"]);
        let options: Value = serde_json::from_str(&options(&next)).unwrap();
        assert_eq!(options["allowCredentials"], serde_json::json!([]));
        assert_eq!(options["userVerification"], "required");
        lengths.push(next.attempt.len());
    }
    assert!(lengths.iter().all(|length| *length == lengths[0]));
    // The passkey of another account than the one that was typed.
    let next = service.begin_with(start("bob", None)).await;
    let response = passkey.answer(&options(&next));
    let refused = service
        .finish(go_on(&next.attempt, passkey_step(response)))
        .await;
    assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
    let next = service.begin_with(start("Ada", None)).await;
    let response = passkey.answer(&options(&next));
    service
        .finish(go_on(&next.attempt, passkey_step(response)))
        .await
        .unwrap();
}

#[tokio::test]
async fn passkey_follows_the_password() {
    let (service, mut passkey) = TestService::with_passkey("ada").await;
    let next = service.after_password("ada").await;
    assert_eq!(factors(&next), ["passkey"]);
    let json: Value = serde_json::from_str(&options(&next)).unwrap();
    assert_eq!(json["allowCredentials"][0]["id"], passkey.id());
    // The password is one factor; the device need not verify its user.
    passkey.flags = BE | BS;
    let response = passkey.answer(&options(&next));
    let login = service.finish(go_on(&next.attempt, passkey_step(response)));
    let login = login.await.unwrap();
    assert_eq!(login.amr, ["pwd", "swk", "mfa"]);
    assert_eq!(login.acr, "phr");
    // Alone it has to.
    let refused = service.login_by(&passkey).await;
    assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn response_counts_for_its_attempt_once() {
    let (service, passkey) = TestService::with_passkey("ada").await;
    let one = service.begin_with(start("", None)).await;
    let other = service.begin_with(start("", None)).await;
    let response = passkey.answer(&options(&one));
    let foreign = go_on(&other.attempt, passkey_step(response.clone()));
    let foreign = service.finish(foreign).await;
    assert_refused(foreign, Code::Unauthenticated, "INVALID_CREDENTIALS");
    let request = go_on(&one.attempt, passkey_step(response));
    service.finish(request.clone()).await.unwrap();
    let again = service.finish(request.clone()).await;
    assert_refused(again, Code::Unauthenticated, "ATTEMPT_INVALID");
    // On another instance, and after a restart.
    let service = service.restart().await;
    let again = service.finish(request).await;
    assert!(again.is_err());
}

#[tokio::test]
async fn response_is_not_delayed_beyond_its_attempt() {
    let (service, passkey) = TestService::with_passkey("ada").await;
    let next = service.begin_with(start("", None)).await;
    let response = passkey.answer(&options(&next));
    service.clock.advance(minutes(10));
    let late = service
        .finish(go_on(&next.attempt, passkey_step(response)))
        .await;
    assert_refused(late, Code::Unauthenticated, "ATTEMPT_INVALID");
}

#[tokio::test]
async fn response_of_another_origin_flag_or_passkey_is_refused() {
    let (service, mut passkey) = TestService::with_passkey("ada").await;
    passkey.origin = "https://id.example.evil".to_owned();
    let refused = service.login_by(&passkey).await;
    assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
    passkey.origin = crate::support::ISSUER.to_owned();
    // It cannot become one that stays on its device.
    passkey.flags = UV;
    let refused = service.login_by(&passkey).await;
    assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
    passkey.flags = UV | BE | BS;
    service.login_by(&passkey).await.unwrap();
    let next = service.begin_with(start("", None)).await;
    let (unknown, _) =
        Passkey::create(r#"{"user":{"id":"AAAAAAAAAAAAAAAAAAAAAA"},"challenge":"AAAA"}"#);
    for response in [
        unknown.answer(&options(&next)),
        String::new(),
        "{}".to_owned(),
    ] {
        let refused = go_on(&next.attempt, passkey_step(response));
        let refused = service.finish(refused).await;
        assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
    }
}

#[tokio::test]
async fn counter_that_goes_back_is_refused_and_recorded() {
    let (service, mut passkey) = TestService::with_passkey("ada").await;
    for (count, expected) in [(5, true), (6, true), (3, false), (0, false), (7, true)] {
        passkey.sign_count = count;
        let login = service.login_by(&passkey).await;
        assert_eq!(login.is_ok(), expected, "{count}");
    }
    // Refusals are written in the background, until the service stops.
    let service = service.restart().await;
    assert_eq!(service.count(AuditKind::PasskeyCounterWentBack).await, 2);
}

#[tokio::test]
async fn change_of_the_backup_is_recorded() {
    let (service, mut passkey) = TestService::with_passkey("ada").await;
    for flags in [UV | BE, UV | BE, UV | BE | BS] {
        passkey.flags = flags;
        service.login_by(&passkey).await.unwrap();
    }
    assert_eq!(service.count(AuditKind::PasskeyBackupChanged).await, 2);
}

#[tokio::test]
async fn disabled_account_is_refused() {
    let (service, passkey) = TestService::with_passkey("ada").await;
    let admin = service.admin_token().await;
    let user_id = service.login_by(&passkey).await.unwrap().user.unwrap().id;
    let request = bearer(DisableUserRequest { user_id }, &admin);
    service.admin().disable_user(request).await.unwrap();
    let refused = service.login_by(&passkey).await;
    assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn refusals_of_one_account_are_recorded_a_bounded_number_of_times() {
    let (service, mut passkey) = TestService::with_passkey("ada").await;
    passkey.origin = "https://evil.example".to_owned();
    for _ in 0..25 {
        service.login_by(&passkey).await.unwrap_err();
    }
    let service = service.restart().await;
    assert_eq!(service.count(AuditKind::SecondFactorRefused).await, 20);
}

#[tokio::test]
async fn passkey_is_set_up_where_a_second_factor_is_mandatory() {
    let service = TestService::with_passkeys_and("ada", SecondFactorPolicy::Required).await;
    let next = service.after_password("ada").await;
    assert_eq!(factors(&next), ["enrol_passkey", "enrol_totp"]);
    // A factor that is there is not proved.
    let refused = service
        .finish(go_on(&next.attempt, code_step("000000")))
        .await;
    assert_refused(refused, Code::Unauthenticated, "ATTEMPT_INVALID");
    let (passkey, response) = Passkey::create(&options(&next));
    let step = auth_proto::v1::AuthenticationStep {
        step: Some(auth_proto::v1::authentication_step::Step::EnrolPasskey(
            response,
        )),
    };
    let login = service.finish(go_on(&next.attempt, step)).await.unwrap();
    assert_eq!(login.acr, "phr");
    service.login_by(&passkey).await.unwrap();
}
