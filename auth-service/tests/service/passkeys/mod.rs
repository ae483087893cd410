//! Passkeys: registration, sign-in without a password, after it, and reauthentication.

mod authenticator;
mod own_passkeys;
mod passwordless;
mod reauthentication;
mod recovery;
mod sign_in;

use auth_proto::v1::{
    AuthenticationStep, FinishPasskeyRegistrationRequest, NextSteps,
    StartPasskeyRegistrationRequest, authentication_step::Step, next_step::Factor,
};
use holdfast_identity::authentication::SecondFactorPolicy;
use holdfast_webauthn::RelyingParty;
use tonic::Status;

use self::authenticator::Passkey;
use crate::support::{ISSUER, TestService, bearer};

pub(super) fn passkey_step(response: String) -> AuthenticationStep {
    AuthenticationStep {
        step: Some(Step::Passkey(response)),
    }
}

pub(super) fn enrol_passkey_step(response: String) -> AuthenticationStep {
    AuthenticationStep {
        step: Some(Step::EnrolPasskey(response)),
    }
}

/// The options for the browser of the step of a passkey.
pub(super) fn options(next: &NextSteps) -> String {
    let mut factors = next.steps.iter().map(|step| step.factor.as_ref().unwrap());
    let options = factors.find_map(|factor| match factor {
        Factor::Passkey(passkey) => Some(passkey.options.clone()),
        Factor::EnrolPasskey(passkey) => Some(passkey.options.clone()),
        _ => None,
    });
    options.unwrap()
}

impl TestService {
    /// A service that uses passkeys, with one account.
    pub(super) async fn with_passkeys(name: &str) -> Self {
        Self::with_passkeys_and(name, SecondFactorPolicy::Optional).await
    }

    /// The same under this policy.
    pub(super) async fn with_passkeys_and(name: &str, policy: SecondFactorPolicy) -> Self {
        let service = Self::start_with(|config| {
            let origin = ISSUER.parse().unwrap();
            let party = RelyingParty::new("id.example", "id.example", origin, Vec::new());
            config.passkeys = Some(party.unwrap());
            config.policy.second_factor = policy;
        })
        .await;
        service.add_user(name, false).await;
        service
    }

    pub(super) async fn start_registration(&self, token: &str) -> Result<(String, String), Status> {
        let request = bearer(StartPasskeyRegistrationRequest {}, token);
        let started = self.account().start_passkey_registration(request).await?;
        let started = started.into_inner();
        Ok((started.registration, started.passkey.unwrap().options))
    }

    pub(super) async fn finish_registration(
        &self,
        token: &str,
        registration: &str,
        response: String,
    ) -> Result<String, Status> {
        let request = FinishPasskeyRegistrationRequest {
            registration: registration.to_owned(),
            response,
            label: "phone".to_owned(),
            client: None,
        };
        let request = bearer(request, token);
        let finished = self.account().finish_passkey_registration(request).await?;
        Ok(finished.into_inner().factor_id)
    }

    /// Registers a passkey for the owner of a token; returns its identifier, too.
    pub(super) async fn register(&self, token: &str) -> (Passkey, String) {
        let (registration, options) = self.start_registration(token).await.unwrap();
        let (passkey, response) = Passkey::create(&options);
        let id = self.finish_registration(token, &registration, response);
        (passkey, id.await.unwrap())
    }

    /// An account with a passkey.
    pub(super) async fn with_passkey(name: &str) -> (Self, Passkey) {
        let service = Self::with_passkeys(name).await;
        let token = service.tokens(name, "account").await.access_token;
        let (passkey, _) = service.register(&token).await;
        (service, passkey)
    }

    /// An access token of a sign-in by a passkey alone.
    pub(super) async fn token_by(&self, passkey: &Passkey) -> String {
        let login = self.login_by(passkey).await.unwrap();
        let tokens = self.try_exchange(&login.login_ticket, "account").await;
        tokens.unwrap().access_token
    }
}
