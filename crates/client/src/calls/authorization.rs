//! The authorization endpoint (RFC 6749 §3.1, OpenID Connect Core 1.0 §3.1): from the request of a relying party to its response.

use std::{fmt, time::Duration};

use auth_proto::v1::{
    self, ContinueAuthorizationRequest, ExamineLogoutRequest, ListBrowserOriginsRequest,
    PushAuthorizationRequest, StartAuthorizationRequest,
    authorization_service_client::AuthorizationServiceClient, authorization_step::Step,
    push_authorization_response,
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    auth_client::AuthClient,
    authorization::{DpopProof, encode_proof},
    calls::oauth_client::{self, ClientCredentials},
    error::AuthError,
    transport::response::non_empty,
    transport::retry_policy::{CHANGE, READ, RetryPolicy},
};

/// The parameters of an authorization request, decoded, in the order and as often as they were sent.
pub type AuthorizationParameters = [(String, String)];

/// What has to happen next with an authorization request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthorizationStep {
    /// The browser brings the response to the relying party.
    Redirect(AuthorizationRedirect),
    /// The browser signs in, also where it is signed in to another account.
    SignIn {
        /// The flow to continue.
        flow: AuthorizationFlow,
        /// A username for the sign-in page.
        login_hint: Option<String>,
    },
    /// The account's owner authenticates again.
    Reauthenticate {
        /// The flow to continue.
        flow: AuthorizationFlow,
        /// Required strength, an `acr`; `None` for any.
        required_acr: Option<String>,
    },
    /// The account's owner is asked for consent.
    Consent(ConsentQuestion),
}

/// An authorization request on its way to its response (`hfz_…`), sealed by auth-service. The browser keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthorizationFlow(String);

impl AuthorizationFlow {
    /// The text: letters, digits, `-` and `_`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A flow that a browser presents, which auth-service verifies.
impl From<String> for AuthorizationFlow {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for AuthorizationFlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthorizationFlow(..)")
    }
}

/// A response of the authorization endpoint: with a code, or with an error.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthorizationRedirect {
    /// Where it is sent.
    pub redirect_uri: String,
    /// How its parameters are sent.
    pub mode: ResponseMode,
    /// Names and values of its parameters.
    pub parameters: Vec<(String, String)>,
}

impl fmt::Debug for AuthorizationRedirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The parameters contain the code.
        f.debug_struct("AuthorizationRedirect")
            .field("redirect_uri", &self.redirect_uri)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

/// How the parameters of a response are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    Query,
    /// In a form that the browser posts to the redirect URI (OAuth 2.0 Form Post Response Mode 1.0).
    FormPost,
}

/// The question for consent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentQuestion {
    /// The flow to continue with the decision.
    pub flow: AuthorizationFlow,
    /// `client_id` of the relying party.
    pub client_id: String,
    /// Its name.
    pub client_name: String,
    /// The host that the browser is sent to, or the scheme of an application on the device.
    pub destination: String,
    /// The host that publishes its metadata; `None` where it is registered.
    pub publisher: Option<String>,
    /// Username of the account.
    pub username: String,
    /// What it asks for: scopes, separated by blanks.
    pub scope: String,
}

/// The answer to a [`ConsentQuestion`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsentDecision {
    /// The relying party may have what it asks for.
    Allow,
    /// It may not.
    Deny,
}

/// The answer to a pushed authorization request (RFC 9126 §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushOutcome {
    /// It was accepted.
    Pushed {
        /// `request_uri`.
        request_uri: String,
        /// Time for which it is accepted, from now.
        expires_in: Duration,
    },
    /// It is not valid.
    Invalid {
        /// `error` (RFC 6749 §4.1.2.1).
        code: String,
        /// `error_description`.
        description: String,
    },
}

/// A sign-out that a relying party asks for (OpenID Connect RP-Initiated Logout 1.0 §2).
#[derive(Clone, Copy, Debug, Default)]
pub struct LogoutRequest<'a> {
    /// `id_token_hint`; may be empty.
    pub id_token_hint: &'a str,
    /// `client_id`; may be empty.
    pub client_id: &'a str,
    /// `post_logout_redirect_uri`; may be empty.
    pub post_logout_redirect_uri: &'a str,
}

/// What was found out about a [`LogoutRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutExamination {
    /// Whether the hint is an ID token of the browser's login, so that the person need not be asked.
    pub is_confirmed: bool,
    /// Name of the relying party; `None` if the request names none.
    pub client_name: Option<String>,
}

impl AuthClient {
    /// Takes an authorization request that an OAuth client pushes (RFC 9126), with a proof of the key that the code is to be bound to (RFC 9449
    /// §10.1). `INVALID_CLIENT` for one that is unknown or not authenticated.
    pub async fn push_authorization(
        &self,
        parameters: &AuthorizationParameters,
        credentials: &ClientCredentials,
        proof: Option<&DpopProof>,
    ) -> Result<PushOutcome, AuthError> {
        let call = async |channel| {
            let request = self.request(PushAuthorizationRequest {
                parameters: encode_parameters(parameters),
                client_credentials: Some(oauth_client::encode(credentials)),
                dpop: proof.map(encode_proof),
            });
            AuthorizationServiceClient::new(channel)
                .push_authorization(request)
                .await
        };
        // A client assertion is accepted once, so that the call must not be repeated.
        let response = self.call(policy(parameters, CHANGE), call).await?;
        match response.result.ok_or_else(AuthError::incomplete)? {
            push_authorization_response::Result::Pushed(pushed) => {
                let expires_in = pushed.expires_in.ok_or_else(AuthError::incomplete)?;
                Ok(PushOutcome::Pushed {
                    request_uri: pushed.request_uri,
                    expires_in: expires_in.try_into().map_err(|_| AuthError::incomplete())?,
                })
            }
            push_authorization_response::Result::Error(error) => Ok(PushOutcome::Invalid {
                code: error.code,
                description: error.description,
            }),
        }
    }

    /// Starts an authorization request that a browser brings. `session` is the refresh token of its login; `None` if it is not signed in.
    /// `AUTHORIZATION_INVALID` where the relying party cannot be sent an error.
    pub async fn start_authorization(
        &self,
        parameters: &AuthorizationParameters,
        session: Option<&SecretString>,
    ) -> Result<AuthorizationStep, AuthError> {
        let call = async |channel| {
            let request = self.request(StartAuthorizationRequest {
                parameters: encode_parameters(parameters),
                refresh_token: text(session),
            });
            AuthorizationServiceClient::new(channel)
                .start_authorization(request)
                .await
        };
        decode(self.call(policy(parameters, READ), call).await?.step)
    }

    /// Continues a flow after a sign-in, a reauthentication or a decision about consent. Errors as of
    /// [`start_authorization`](Self::start_authorization), also for a flow that has expired.
    pub async fn continue_authorization(
        &self,
        flow: &AuthorizationFlow,
        session: Option<&SecretString>,
        decision: Option<ConsentDecision>,
    ) -> Result<AuthorizationStep, AuthError> {
        let call = async |channel| {
            let request = self.request(ContinueAuthorizationRequest {
                flow: flow.as_str().to_owned(),
                refresh_token: text(session),
                decision: encode_decision(decision).into(),
            });
            AuthorizationServiceClient::new(channel)
                .continue_authorization(request)
                .await
        };
        decode(self.call(READ, call).await?.step)
    }

    /// Examines a sign-out that a relying party asks for; nothing ends by it. `AUTHORIZATION_INVALID` where the relying party or the address
    /// to return to is unknown.
    pub async fn examine_logout(
        &self,
        logout: &LogoutRequest<'_>,
        session: Option<&SecretString>,
    ) -> Result<LogoutExamination, AuthError> {
        let call = async |channel| {
            let request = self.request(ExamineLogoutRequest {
                id_token_hint: logout.id_token_hint.to_owned(),
                client_id: logout.client_id.to_owned(),
                post_logout_redirect_uri: logout.post_logout_redirect_uri.to_owned(),
                refresh_token: text(session),
            });
            AuthorizationServiceClient::new(channel)
                .examine_logout(request)
                .await
        };
        let response = self.call(READ, call).await?;
        Ok(LogoutExamination {
            is_confirmed: response.confirmed,
            client_name: non_empty(response.client_name),
        })
    }

    /// The origins of the pages that may call endpoints of OAuth from a browser, as in `Origin` (RFC 6454 §6.2).
    pub async fn browser_origins(&self) -> Result<Vec<String>, AuthError> {
        let call = async |channel| {
            let request = self.request(ListBrowserOriginsRequest {});
            AuthorizationServiceClient::new(channel)
                .list_browser_origins(request)
                .await
        };
        Ok(self.call(READ, call).await?.origins)
    }
}

fn text(session: Option<&SecretString>) -> String {
    let token = session.map(|token| token.expose_secret().to_owned());
    token.unwrap_or_default()
}

/// The policy for a request. auth-service may have to read the metadata of an OAuth client whose `client_id` is a URL.
fn policy(parameters: &AuthorizationParameters, usual: RetryPolicy) -> RetryPolicy {
    let is_url = |(name, value): &(String, String)| name == "client_id" && value.contains(':');
    if parameters.iter().any(is_url) {
        usual.reading_documents()
    } else {
        usual
    }
}

fn encode_parameters(parameters: &AuthorizationParameters) -> Vec<v1::AuthorizationParameter> {
    let parameters = parameters.iter().cloned();
    parameters
        .map(|(name, value)| v1::AuthorizationParameter { name, value })
        .collect()
}

const fn encode_decision(decision: Option<ConsentDecision>) -> v1::ConsentDecision {
    match decision {
        None => v1::ConsentDecision::Unspecified,
        Some(ConsentDecision::Allow) => v1::ConsentDecision::Allow,
        Some(ConsentDecision::Deny) => v1::ConsentDecision::Deny,
    }
}

fn decode(step: Option<v1::AuthorizationStep>) -> Result<AuthorizationStep, AuthError> {
    let step = step.and_then(|step| step.step);
    Ok(match step.ok_or_else(AuthError::incomplete)? {
        Step::Redirect(redirect) => AuthorizationStep::Redirect(decode_redirect(redirect)?),
        Step::SignIn(sign_in) => AuthorizationStep::SignIn {
            flow: AuthorizationFlow(sign_in.flow),
            login_hint: non_empty(sign_in.login_hint),
        },
        Step::Reauthentication(reauthentication) => AuthorizationStep::Reauthenticate {
            flow: AuthorizationFlow(reauthentication.flow),
            required_acr: non_empty(reauthentication.required_acr),
        },
        Step::Consent(question) => AuthorizationStep::Consent(ConsentQuestion {
            flow: AuthorizationFlow(question.flow),
            client_id: question.client_id,
            client_name: question.client_name,
            destination: question.destination,
            publisher: non_empty(question.publisher),
            username: question.username,
            scope: question.scope,
        }),
    })
}

fn decode_redirect(
    redirect: v1::AuthorizationRedirect,
) -> Result<AuthorizationRedirect, AuthError> {
    let mode = match redirect.mode() {
        v1::ResponseMode::Query => ResponseMode::Query,
        v1::ResponseMode::FormPost => ResponseMode::FormPost,
        v1::ResponseMode::Unspecified => return Err(AuthError::incomplete()),
    };
    let parameters = redirect.parameters.into_iter();
    Ok(AuthorizationRedirect {
        mode,
        parameters: parameters
            .map(|parameter| (parameter.name, parameter.value))
            .collect(),
        redirect_uri: redirect.redirect_uri,
    })
}
