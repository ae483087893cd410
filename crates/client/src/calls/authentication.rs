//! Sign-in and reauthentication, in one step or in several.

use std::{fmt, time::Duration};

use auth_proto::{
    SIGN_IN_FORM,
    v1::{
        self, ContinueAuthenticationRequest, ContinueReauthenticationRequest, LoginResponse,
        NextStep, ReauthenticateResponse, StartAuthenticationRequest, StartReauthenticationRequest,
        account_service_client::AccountServiceClient, auth_service_client::AuthServiceClient,
        authentication_step::Step, continue_authentication_response,
        continue_reauthentication_response, next_step, start_authentication_response,
        start_reauthentication_response,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_core::client_info::ClientInfo;
use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;
use tonic::Request;

use crate::{
    auth_client::AuthClient,
    authorization::{Authorization, AuthorizationMetadata},
    calls::login::{self, Login, Person},
    client_info,
    error::{AuthError, Refusal, RefusalKind},
    reason::ErrorReason,
    transport::response::{non_empty, time},
    transport::retry_policy::PASSWORD,
};

/// auth-service treated the login as one of another caller than web-service: it did not accept the service identity.
const IDENTITY_NOT_ACCEPTED: &str = "auth-service does not know this service; check the service secret, or the name in the client certificate";

/// What is presented for one factor.
#[derive(Clone, Copy, Debug)]
pub enum AuthenticationStep<'a> {
    /// The account's password.
    Password(&'a SecretString),
    /// A time-based one-time password, as it was typed.
    Totp(&'a SecretString),
    /// A recovery code, as it was typed.
    RecoveryCode(&'a SecretString),
    /// The first code of one-time codes that are set up in this attempt, as it was typed.
    EnrolTotp(&'a SecretString),
    /// A passkey: the response of the browser in JSON.
    Passkey(&'a str),
    /// A passkey that is registered in this attempt: the response of the browser in JSON.
    EnrolPasskey(&'a str),
}

/// What accompanies a step of a sign-in.
#[derive(Clone, Copy, Debug, Default)]
pub struct SignInOptions<'a> {
    /// The identifier of the browser's form, the same at each step; `None` for a program.
    pub form: Option<&'a [u8; 16]>,
    /// The token of a trusted browser, which stands in for the second factor; `None` if there is none.
    pub trusted_browser: Option<&'a SecretString>,
    /// The thumbprint (RFC 7638) of the device key that this browser has just proved; `None` if it proved none.
    pub device_key: Option<&'a str>,
    /// Whether the browser is to be trusted, if this step completes the sign-in by a second factor.
    pub trust_browser: bool,
}

impl SignInOptions<'_> {
    fn trusted_text(&self) -> String {
        let token = self.trusted_browser;
        token
            .map(|token| token.expose_secret().to_owned())
            .unwrap_or_default()
    }
}

/// Which authentication of a login is sufficient, so that no further one is required. The default: none.
#[derive(Clone, Copy, Debug, Default)]
pub struct SufficientAuthentication<'a> {
    /// Its maximum age; `None` where every authentication so far is too old.
    pub max_age: Option<Duration>,
    /// Its minimum strength, an `acr` such as `aal1`; `None` for any.
    pub acr: Option<&'a str>,
}

/// The latest authentication of a login, after a reauthentication.
#[derive(Clone, Debug)]
pub struct Reauthenticated {
    /// `auth_time`: its time.
    pub authenticated_at: OffsetDateTime,
    /// `amr`: its factors (RFC 8176); empty from an older auth-service.
    pub amr: Vec<String>,
    /// `acr`: its strength; `None` from an older auth-service.
    pub acr: Option<String>,
}

/// The state of an authentication after a step.
#[derive(Debug)]
pub enum AuthenticationState<T> {
    /// It is complete.
    Done(T),
    /// A further step is required.
    Next(NextSteps),
}

/// A factor of an authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthenticationFactor {
    /// The account's password.
    Password,
    /// A time-based one-time password.
    Totp,
    /// A recovery code, in place of the account's other factors; as the first step, of an account without a password.
    RecoveryCode,
    /// One-time codes are to be set up, as the account must have a second factor.
    EnrolTotp(TotpSetUp),
    /// A passkey, with the options for the browser in JSON.
    Passkey(String),
    /// A passkey is to be registered, as the account must have a second factor, or after a recovery code as the first step, with the options
    /// for the browser in JSON.
    EnrolPasskey(String),
}

/// What the account's owner stores in an authenticator app.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSetUp {
    /// The secret in base32, as it is typed into an app.
    pub secret: String,
    /// The same as a URI, which apps read from a QR code.
    pub uri: String,
}

impl fmt::Debug for TotpSetUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSetUp(..)")
    }
}

impl From<v1::TotpSetUp> for TotpSetUp {
    fn from(set_up: v1::TotpSetUp) -> Self {
        Self {
            secret: set_up.secret,
            uri: set_up.uri,
        }
    }
}

/// What may follow in an attempt.
#[derive(Clone, Debug)]
pub struct NextSteps {
    /// The attempt, to be continued by its caller.
    pub attempt: SecretString,
    /// The factors of which one is to be presented next. A factor that this version of the contract does not have is left out.
    pub factors: Vec<AuthenticationFactor>,
    /// Time from which on the attempt is refused.
    pub expires_at: OffsetDateTime,
    /// Time for which the browser can be trusted, if one of the factors completes the sign-in; `None` where it cannot.
    pub trusted_browser_ttl: Option<Duration>,
}

impl<T> AuthenticationState<T> {
    /// Returns the result, for a caller that can present no further factor.
    ///
    /// # Errors
    /// A refusal with the reason `ADDITIONAL_FACTOR_REQUIRED` where one is required.
    pub fn completed(self) -> Result<T, AuthError> {
        match self {
            Self::Done(result) => Ok(result),
            Self::Next(_) => Err(AuthError::Refused(Refusal {
                kind: RefusalKind::Unauthenticated,
                reason: ErrorReason::AdditionalFactorRequired.into(),
                message: "a further factor is required".to_owned(),
                dpop_nonce: None,
            })),
        }
    }
}

impl AuthClient {
    /// Starts a sign-in. With a first step, it is complete where one factor is enough. Calls with the same form start one login within a
    /// minute.
    pub async fn start_authentication(
        &self,
        username: &str,
        step: Option<AuthenticationStep<'_>>,
        options: SignInOptions<'_>,
        client: &ClientInfo,
    ) -> Result<AuthenticationState<(Person, Login)>, AuthError> {
        use start_authentication_response::Result::{Done, Next};

        let call = async |channel| {
            let message = StartAuthenticationRequest {
                username: username.to_owned(),
                step: step.map(encode_step),
                client: Some(client_info::encode(client)),
                trusted_browser: options.trusted_text(),
                trusted_browser_jkt: options.device_key.unwrap_or_default().to_owned(),
            };
            let request = with_form(self.request(message), options.form);
            let mut auth = AuthServiceClient::new(channel);
            auth.start_authentication(request).await
        };
        match self.call(PASSWORD, call).await?.result {
            Some(Done(started)) => self.signed_in(started, client).await,
            Some(Next(next)) => decode_next(next),
            None => Err(AuthError::incomplete()),
        }
    }

    /// Continues a sign-in by one step, with the form that it was started with. A refused step leaves the attempt as it is, unless the
    /// reason is `ATTEMPT_INVALID`.
    pub async fn continue_authentication(
        &self,
        attempt: &SecretString,
        step: AuthenticationStep<'_>,
        options: SignInOptions<'_>,
        client: &ClientInfo,
    ) -> Result<AuthenticationState<(Person, Login)>, AuthError> {
        use continue_authentication_response::Result::{Done, Next};

        let call = async |channel| {
            let message = ContinueAuthenticationRequest {
                attempt: attempt.expose_secret().to_owned(),
                step: Some(encode_step(step)),
                client: Some(client_info::encode(client)),
                trusted_browser: options.trusted_text(),
                trusted_browser_jkt: options.device_key.unwrap_or_default().to_owned(),
                trust_browser: options.trust_browser,
            };
            let request = with_form(self.request(message), options.form);
            let mut auth = AuthServiceClient::new(channel);
            auth.continue_authentication(request).await
        };
        match self.call(PASSWORD, call).await?.result {
            Some(Done(started)) => self.signed_in(started, client).await,
            Some(Next(next)) => decode_next(next),
            None => Err(AuthError::incomplete()),
        }
    }

    /// Starts a reauthentication of the token's owner. With a first step, it is complete where one factor is enough; without, if the latest authentication is `sufficient`.
    pub async fn start_reauthentication(
        &self,
        authorization: &Authorization,
        sufficient: SufficientAuthentication<'_>,
        step: Option<AuthenticationStep<'_>>,
        client: &ClientInfo,
    ) -> Result<AuthenticationState<Reauthenticated>, AuthError> {
        use start_reauthentication_response::Result::{Done, Next};

        let metadata = AuthorizationMetadata::new(authorization)?;
        let call = async |channel| {
            let message = StartReauthenticationRequest {
                step: step.map(encode_step),
                max_age: sufficient.max_age.and_then(|age| age.try_into().ok()),
                acr: sufficient.acr.unwrap_or_default().to_owned(),
                client: Some(client_info::encode(client)),
            };
            let request = metadata.add(self.request(message));
            let mut account = AccountServiceClient::new(channel);
            account.start_reauthentication(request).await
        };
        match self.call(PASSWORD, call).await?.result {
            Some(Done(done)) => decode_reauthenticated(done),
            Some(Next(next)) => decode_next(next),
            None => Err(AuthError::incomplete()),
        }
    }

    /// Continues a reauthentication of the token's owner by one step.
    pub async fn continue_reauthentication(
        &self,
        authorization: &Authorization,
        attempt: &SecretString,
        step: AuthenticationStep<'_>,
        client: &ClientInfo,
    ) -> Result<AuthenticationState<Reauthenticated>, AuthError> {
        use continue_reauthentication_response::Result::{Done, Next};

        let metadata = AuthorizationMetadata::new(authorization)?;
        let call = async |channel| {
            let message = ContinueReauthenticationRequest {
                attempt: attempt.expose_secret().to_owned(),
                step: Some(encode_step(step)),
                client: Some(client_info::encode(client)),
            };
            let request = metadata.add(self.request(message));
            let mut account = AccountServiceClient::new(channel);
            account.continue_reauthentication(request).await
        };
        match self.call(PASSWORD, call).await?.result {
            Some(Done(done)) => decode_reauthenticated(done),
            Some(Next(next)) => decode_next(next),
            None => Err(AuthError::incomplete()),
        }
    }

    /// A login that was started. One that is not of the kind that this service stated is ended.
    async fn signed_in(
        &self,
        response: LoginResponse,
        client: &ClientInfo,
    ) -> Result<AuthenticationState<(Person, Login)>, AuthError> {
        if response.client_kind() != client_info::encode_kind(client.kind) {
            self.end_login(&response.login_ticket, None, client).await?;
            return Err(AuthError::Broken(IDENTITY_NOT_ACCEPTED.to_owned()));
        }
        login::decode(response).map(AuthenticationState::Done)
    }
}

fn encode_step(step: AuthenticationStep<'_>) -> v1::AuthenticationStep {
    let step = match step {
        AuthenticationStep::Password(password) => {
            Step::Password(password.expose_secret().to_owned())
        }
        AuthenticationStep::Totp(code) => Step::TotpCode(code.expose_secret().to_owned()),
        AuthenticationStep::RecoveryCode(code) => {
            Step::RecoveryCode(code.expose_secret().to_owned())
        }
        AuthenticationStep::EnrolTotp(code) => Step::EnrolTotpCode(code.expose_secret().to_owned()),
        AuthenticationStep::Passkey(response) => Step::Passkey(response.to_owned()),
        AuthenticationStep::EnrolPasskey(response) => Step::EnrolPasskey(response.to_owned()),
    };
    v1::AuthenticationStep { step: Some(step) }
}

fn with_form<T>(mut request: Request<T>, form: Option<&[u8; 16]>) -> Request<T> {
    let form = form.and_then(|form| URL_SAFE_NO_PAD.encode(form).parse().ok());
    if let Some(form) = form {
        request.metadata_mut().insert(SIGN_IN_FORM, form);
    }
    request
}

fn decode_next<T>(next: v1::NextSteps) -> Result<AuthenticationState<T>, AuthError> {
    Ok(AuthenticationState::Next(NextSteps {
        factors: next.steps.into_iter().filter_map(decode_factor).collect(),
        expires_at: time(next.expires_at)?,
        trusted_browser_ttl: next.trusted_browser_ttl.and_then(|ttl| ttl.try_into().ok()),
        attempt: next.attempt.into(),
    }))
}

fn decode_factor(step: NextStep) -> Option<AuthenticationFactor> {
    match step.factor? {
        next_step::Factor::Password(_) => Some(AuthenticationFactor::Password),
        next_step::Factor::Totp(_) => Some(AuthenticationFactor::Totp),
        next_step::Factor::RecoveryCode(_) => Some(AuthenticationFactor::RecoveryCode),
        next_step::Factor::EnrolTotp(set_up) => {
            Some(AuthenticationFactor::EnrolTotp(set_up.into()))
        }
        next_step::Factor::Passkey(passkey) => Some(AuthenticationFactor::Passkey(passkey.options)),
        next_step::Factor::EnrolPasskey(passkey) => {
            Some(AuthenticationFactor::EnrolPasskey(passkey.options))
        }
    }
}

fn decode_reauthenticated(
    response: ReauthenticateResponse,
) -> Result<AuthenticationState<Reauthenticated>, AuthError> {
    Ok(AuthenticationState::Done(Reauthenticated {
        authenticated_at: time(response.auth_time)?,
        amr: response.amr,
        acr: non_empty(response.acr),
    }))
}
