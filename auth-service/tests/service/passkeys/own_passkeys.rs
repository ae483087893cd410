//! Registration, names and removal of passkeys by the account's owner.

use auth_proto::v1::{
    FactorKind, GetSecurityOverviewRequest, RemoveFactorRequest, RenamePasskeyRequest,
};
use serde_json::Value;
use tonic::{Code, Status};

use super::authenticator::Passkey;
use crate::support::{TestService, assert_refused, bearer, minutes, seconds};

impl TestService {
    async fn labels(&self, token: &str) -> Vec<String> {
        let request = bearer(GetSecurityOverviewRequest {}, token);
        let overview = self.account().get_security_overview(request).await;
        let factors = overview.unwrap().into_inner().factors.unwrap().factors;
        let passkeys = factors.into_iter();
        let passkeys = passkeys.filter(|factor| factor.kind() == FactorKind::Passkey);
        passkeys.map(|passkey| passkey.label).collect()
    }

    async fn rename(&self, token: &str, id: &str, label: &str) -> Result<(), Status> {
        let request = RenamePasskeyRequest {
            factor_id: id.to_owned(),
            label: label.to_owned(),
            client: None,
        };
        let renamed = self.account().rename_passkey(bearer(request, token)).await;
        renamed.map(drop)
    }
}

#[tokio::test]
async fn passkeys_are_registered_named_and_removed() {
    let service = TestService::with_passkeys("ada").await;
    let token = service.tokens("ada", "account").await.access_token;
    let (passkey, id) = service.register(&token).await;
    let token = service.token_by(&passkey).await;
    let (_, options) = service.start_registration(&token).await.unwrap();
    let options: Value = serde_json::from_str(&options).unwrap();
    assert_eq!(options["excludeCredentials"][0]["id"], passkey.id());
    // They are listed by the time of their registration.
    service.clock.advance(seconds(1));
    let (_, second) = service.register(&token).await;
    assert_eq!(service.labels(&token).await, ["phone", "phone"]);
    service.rename(&token, &second, " key ").await.unwrap();
    assert_eq!(service.labels(&token).await, ["phone", "key"]);
    let request = RemoveFactorRequest {
        factor_id: id,
        client: None,
    };
    service
        .account()
        .remove_factor(bearer(request, &token))
        .await
        .unwrap();
    assert_eq!(service.labels(&token).await, ["key"]);
    let refused = service.login_by(&passkey).await;
    assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn names_are_checked_and_only_of_own_passkeys() {
    let (service, passkey) = TestService::with_passkey("ada").await;
    let token = service.token_by(&passkey).await;
    let (_, id) = service.register(&token).await;
    let too_long = service.rename(&token, &id, &"x".repeat(65)).await;
    assert_refused(too_long, Code::InvalidArgument, "INVALID_REQUEST");
    service.add_user("bob", false).await;
    let bob = service.tokens("bob", "account").await.access_token;
    let user = service.try_validate(&token).await.unwrap().subject;
    for (token, id) in [(&bob, id.as_str()), (&token, "x"), (&token, &user)] {
        let refused = service.rename(token, id, "mine").await;
        assert_refused(refused, Code::NotFound, "FACTOR_NOT_FOUND");
    }
}

#[tokio::test]
async fn registration_is_finished_once_in_its_login() {
    let service = TestService::with_passkeys("ada").await;
    let token = service.tokens("ada", "account").await.access_token;
    let other = service.tokens("ada", "account").await.access_token;
    let (registration, options) = service.start_registration(&token).await.unwrap();
    let (passkey, response) = Passkey::create(&options);
    let foreign = service.finish_registration(&other, &registration, response.clone());
    assert_refused(foreign.await, Code::Unauthenticated, "ATTEMPT_INVALID");
    let wrong = passkey.answer(&options);
    let wrong = service.finish_registration(&token, &registration, wrong);
    assert_refused(wrong.await, Code::InvalidArgument, "PASSKEY_REJECTED");
    let finished = service.finish_registration(&token, &registration, response.clone());
    finished.await.unwrap();
    let strong = service.token_by(&passkey).await;
    let again = service.finish_registration(&strong, &registration, response);
    assert_refused(again.await, Code::Unauthenticated, "ATTEMPT_INVALID");
}

#[tokio::test]
async fn passkey_of_another_account_is_not_registered_again() {
    let service = TestService::with_passkeys("ada").await;
    service.add_user("eve", false).await;
    let ada = service.tokens("ada", "account").await.access_token;
    let eve = service.tokens("eve", "account").await.access_token;
    let (passkey, _) = service.register(&ada).await;
    let (registration, options) = service.start_registration(&eve).await.unwrap();
    let response = passkey.register_again(&options);
    let refused = service.finish_registration(&eve, &registration, response);
    assert_refused(refused.await, Code::Aborted, "CONFLICT");
    let login = service.login_by(&passkey).await.unwrap();
    assert_eq!(login.user.unwrap().username, "ada");
}

#[tokio::test]
async fn change_needs_a_recent_authentication_by_a_passkey() {
    let service = TestService::with_passkeys("ada").await;
    let weak = service.tokens("ada", "account").await.access_token;
    let (passkey, _) = service.register(&weak).await;
    let refused = service.start_registration(&weak).await;
    assert_refused(refused, Code::PermissionDenied, "STEP_UP_REQUIRED");
    let strong = service.token_by(&passkey).await;
    service.start_registration(&strong).await.unwrap();
    service.clock.advance(minutes(6));
    let refused = service.start_registration(&strong).await;
    assert_refused(refused, Code::PermissionDenied, "STEP_UP_REQUIRED");
}

#[tokio::test]
async fn installation_without_passkeys_registers_none() {
    let service = TestService::with_user("ada").await;
    let token = service.tokens("ada", "account").await.access_token;
    let refused = service.start_registration(&token).await;
    assert_refused(refused, Code::FailedPrecondition, "PASSKEYS_OFF");
}
