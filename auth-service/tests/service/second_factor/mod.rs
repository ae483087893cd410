//! Second factors: one-time codes and recovery codes.

mod administration;
mod attacks;
mod enrolment;
mod own_factors;
mod reauthentication;
mod security_events;
mod sign_in;
mod tokens;
mod trusted_browsers;

use auth_proto::v1::{
    AuthenticationStep, ConfirmTotpEnrolmentRequest, ContinueAuthenticationRequest,
    CreateRecoveryCodesRequest, LoginResponse, NextSteps, StartAuthenticationRequest,
    StartTotpEnrolmentRequest, authentication_step::Step, continue_authentication_response,
    next_step::Factor, start_authentication_response,
};
use aws_lc_rs::hmac;
use holdfast_core::clock::Clock as _;
use tonic::{IntoRequest, Status};

use crate::support::{PASSWORD, TestService, bearer, seconds};

/// An app that computes the codes of a secret, apart from the code of the service.
pub(crate) struct Authenticator {
    secret: Vec<u8>,
}

impl Authenticator {
    /// Reads the secret in base32.
    pub(crate) fn new(base32: &str) -> Self {
        let value = |digit: u8| match digit {
            b'A'..=b'Z' => digit - b'A',
            _ => digit - b'2' + 26,
        };
        let bits: Vec<_> = base32
            .bytes()
            .map(|digit| format!("{:05b}", value(digit)))
            .collect();
        let bits = bits.concat();
        let bytes = bits.as_bytes().chunks_exact(8);
        let secret = bytes.map(|byte| {
            let byte = str::from_utf8(byte).unwrap();
            u8::from_str_radix(byte, 2).unwrap()
        });
        Self {
            secret: secret.collect(),
        }
    }

    /// The code at a time, in seconds since 1970.
    pub(crate) fn code_at(&self, time: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.secret);
        let hash = hmac::sign(&key, &(time / 30).to_be_bytes());
        let hash = hash.as_ref();
        let offset = usize::from(hash[19] & 15);
        let bits: [u8; 4] = hash[offset..offset + 4].try_into().unwrap();
        let code = (u32::from_be_bytes(bits) & 0x7fff_ffff) % 1_000_000;
        format!("{code:06}")
    }

    /// The current code of a service.
    pub(crate) fn code(&self, service: &TestService) -> String {
        self.code_at(service.clock.now().unix_timestamp())
    }

    /// A code that is not accepted now.
    pub(crate) fn wrong_code(&self, service: &TestService) -> String {
        let now = service.clock.now().unix_timestamp();
        let accepted = [-30, 0, 30].map(|skew| self.code_at(now + skew));
        let mut candidates = ["000000", "000001", "000002", "000003"].into_iter();
        let wrong = candidates.find(|code| !accepted.contains(&(*code).to_owned()));
        wrong.unwrap().to_owned()
    }
}

pub(crate) fn password_step(text: &str) -> AuthenticationStep {
    AuthenticationStep {
        step: Some(Step::Password(text.to_owned())),
    }
}

pub(crate) fn code_step(code: &str) -> AuthenticationStep {
    AuthenticationStep {
        step: Some(Step::TotpCode(code.to_owned())),
    }
}

pub(crate) fn recovery_step(code: &str) -> AuthenticationStep {
    AuthenticationStep {
        step: Some(Step::RecoveryCode(code.to_owned())),
    }
}

pub(crate) fn enrol_step(code: &str) -> AuthenticationStep {
    AuthenticationStep {
        step: Some(Step::EnrolTotpCode(code.to_owned())),
    }
}

pub(crate) fn start(name: &str, step: Option<AuthenticationStep>) -> StartAuthenticationRequest {
    StartAuthenticationRequest {
        username: name.to_owned(),
        step,
        ..Default::default()
    }
}

pub(crate) fn go_on(attempt: &str, step: AuthenticationStep) -> ContinueAuthenticationRequest {
    ContinueAuthenticationRequest {
        attempt: attempt.to_owned(),
        step: Some(step),
        ..Default::default()
    }
}

/// The factors of the steps that may follow.
pub(crate) fn factors(next: &NextSteps) -> Vec<&'static str> {
    let name = |factor: &Factor| match factor {
        Factor::Password(_) => "password",
        Factor::Totp(_) => "totp",
        Factor::RecoveryCode(_) => "recovery_code",
        Factor::EnrolTotp(_) => "enrol_totp",
        Factor::Passkey(_) => "passkey",
        Factor::EnrolPasskey(_) => "enrol_passkey",
    };
    let steps = next.steps.iter();
    steps
        .map(|step| name(step.factor.as_ref().unwrap()))
        .collect()
}

/// The secret of the one-time codes that are to be set up.
pub(crate) fn set_up(next: &NextSteps) -> Authenticator {
    match next.steps[0].factor.as_ref().unwrap() {
        Factor::EnrolTotp(set_up) => Authenticator::new(&set_up.secret),
        other => panic!("{other:?}"),
    }
}

impl TestService {
    /// Starts an attempt that needs a further step.
    pub(crate) async fn begin_with(
        &self,
        request: impl IntoRequest<StartAuthenticationRequest>,
    ) -> NextSteps {
        let started = self.auth().start_authentication(request).await.unwrap();
        match started.into_inner().result.unwrap() {
            start_authentication_response::Result::Next(next) => next,
            start_authentication_response::Result::Done(login) => panic!("{login:?}"),
        }
    }

    /// An attempt of an account whose password was verified.
    pub(crate) async fn after_password(&self, name: &str) -> NextSteps {
        let step = Some(password_step(PASSWORD));
        self.begin_with(start(name, step)).await
    }

    /// Continues an attempt by its last step.
    pub(crate) async fn finish(
        &self,
        request: impl IntoRequest<ContinueAuthenticationRequest>,
    ) -> Result<LoginResponse, Status> {
        let continued = self.auth().continue_authentication(request).await?;
        match continued.into_inner().result.unwrap() {
            continue_authentication_response::Result::Done(login) => Ok(login),
            continue_authentication_response::Result::Next(next) => panic!("{next:?}"),
        }
    }

    /// Continues an attempt by a step that a further one has to follow.
    pub(crate) async fn continue_with(
        &self,
        request: impl IntoRequest<ContinueAuthenticationRequest>,
    ) -> NextSteps {
        let continued = self.auth().continue_authentication(request).await.unwrap();
        match continued.into_inner().result.unwrap() {
            continue_authentication_response::Result::Next(next) => next,
            continue_authentication_response::Result::Done(login) => panic!("{login:?}"),
        }
    }

    /// Sets up one-time codes for the owner of a token. The clock goes on, so that the next code was not used.
    pub(crate) async fn enrol(&self, token: &str) -> Authenticator {
        let request = bearer(StartTotpEnrolmentRequest {}, token);
        let started = self.account().start_totp_enrolment(request).await.unwrap();
        let started = started.into_inner();
        let app = Authenticator::new(&started.set_up.unwrap().secret);
        let confirm = ConfirmTotpEnrolmentRequest {
            enrolment: started.enrolment,
            code: app.code(self),
            client: None,
        };
        let confirm = bearer(confirm, token);
        self.account()
            .confirm_totp_enrolment(confirm)
            .await
            .unwrap();
        self.clock.advance(seconds(60));
        app
    }

    /// An account with one-time codes.
    pub(crate) async fn with_totp(name: &str) -> (Self, Authenticator) {
        let service = Self::with_user(name).await;
        let token = service.tokens(name, "account").await.access_token;
        let app = service.enrol(&token).await;
        (service, app)
    }

    /// Signs in with a code.
    pub(crate) async fn login_with(&self, name: &str, app: &Authenticator) -> LoginResponse {
        let next = self.after_password(name).await;
        let login = self.finish(go_on(&next.attempt, code_step(&app.code(self))));
        let login = login.await.unwrap();
        self.clock.advance(seconds(30));
        login
    }

    /// An access token of a sign-in with a code.
    pub(crate) async fn token_with(&self, name: &str, app: &Authenticator) -> String {
        let login = self.login_with(name, app).await;
        let tokens = self.try_exchange(&login.login_ticket, "account").await;
        tokens.unwrap().access_token
    }

    pub(crate) async fn recovery_codes(&self, token: &str) -> Vec<String> {
        let request = bearer(CreateRecoveryCodesRequest { client: None }, token);
        let created = self.account().create_recovery_codes(request).await;
        created.unwrap().into_inner().codes
    }
}
