//! Authorization requests (RFC 6749 §4.1.1, OpenID Connect Core 1.0 §3.1.2.1): their parameters as values, or the error of the response.

use std::{collections::HashMap, time::Duration};

use crate::{
    authentication::AssuranceLevel,
    id::UserId,
    oauth::{CodeChallenge, KeyThumbprint, OauthClient},
    token::{Scope, Scopes},
};

/// Maximum length of `state` and of `nonce`, in bytes.
const MAX_OPAQUE: usize = 1024;
/// Maximum length of `login_hint`, in bytes.
const MAX_HINT: usize = 256;

/// The parameters of a request. None is repeated, and none is empty: a parameter without a value counts as absent (RFC 6749 §3.1).
#[derive(Clone, Debug, Default)]
pub struct Parameters(HashMap<String, String>);

/// A parameter is repeated.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a parameter is repeated")]
pub struct RepeatedParameter;

impl Parameters {
    /// Collects parameters.
    ///
    /// # Errors
    /// One of them is there twice.
    pub fn collect(
        pairs: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, RepeatedParameter> {
        let mut parameters = HashMap::new();
        for (name, value) in pairs {
            if parameters.insert(name, value).is_some() {
                return Err(RepeatedParameter);
            }
        }
        parameters.retain(|_, value| !value.is_empty());
        Ok(Self(parameters))
    }

    /// Returns the value of a parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// How the parameters of a response are returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    Query,
    /// In a form that the browser posts to the redirect URI (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

impl ResponseMode {
    /// Returns the value of `response_mode`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::FormPost => "form_post",
        }
    }
}

/// Which interaction a relying party asks for (`prompt`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prompt {
    /// Whatever is necessary.
    #[default]
    AsNeeded,
    /// None: what is necessary is an error.
    None,
    /// Some of them.
    Of(Interactions),
}

/// Interactions that are required even where they are not necessary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interactions {
    /// `login`: another authentication.
    pub login: bool,
    /// `consent`: another consent.
    pub consent: bool,
    /// `select_account`: a confirmation of the account.
    pub select_account: bool,
}

impl Prompt {
    /// Returns what is required; nothing for `none`.
    #[must_use]
    pub fn interactions(self) -> Interactions {
        match self {
            Self::AsNeeded | Self::None => Interactions::default(),
            Self::Of(interactions) => interactions,
        }
    }
}

/// A request whose parameters are valid for the OAuth client that sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationRequest {
    /// `redirect_uri`, which is registered.
    pub redirect_uri: String,
    /// `response_mode`.
    pub response_mode: ResponseMode,
    /// `state`, which the response repeats.
    pub state: Option<String>,
    /// `scope`: those that the OAuth client may have; others are ignored (RFC 6749 §3.3).
    pub scopes: Scopes,
    /// `nonce`, which the ID token repeats.
    pub nonce: Option<String>,
    /// `code_challenge`.
    pub code_challenge: CodeChallenge,
    /// `prompt`.
    pub prompt: Prompt,
    /// `max_age`: the greatest age of the authentication.
    pub max_age: Option<Duration>,
    /// `acr_values`: the weakest level of them that is known here, which the authentication must have.
    pub min_level: Option<AssuranceLevel>,
    /// `login_hint`: a username for the sign-in page.
    pub login_hint: Option<String>,
    /// The account that `id_token_hint` is about, which is expected to be signed in.
    pub expected_user: Option<UserId>,
    /// `resource` (RFC 8707): the only audience of the access tokens.
    pub audience: Option<String>,
    /// `dpop_jkt` (RFC 9449 §10).
    pub key: Option<KeyThumbprint>,
}

/// An error that the relying party is sent (RFC 6749 §4.1.2.1, OpenID Connect Core 1.0 §3.1.2.6, RFC 8707 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthorizationError {
    /// `error`.
    pub code: &'static str,
    /// `error_description`.
    pub description: &'static str,
}

impl AuthorizationError {
    pub(super) const ACCESS_DENIED: Self = Self {
        code: "access_denied",
        description: "the account's owner did not allow it",
    };
    pub(super) const LOGIN_REQUIRED: Self = Self {
        code: "login_required",
        description: "a sign-in is required",
    };
    pub(super) const CONSENT_REQUIRED: Self = Self {
        code: "consent_required",
        description: "the consent of the account's owner is required",
    };
    /// OpenID Connect Core Error Code `unmet_authentication_requirements` 1.0.
    pub(super) const UNMET_REQUIREMENTS: Self = Self {
        code: "unmet_authentication_requirements",
        description: "the authentication has none of acr_values",
    };
    pub(super) const NOT_PUSHED: Self =
        Self::invalid("the client has to push its requests (RFC 9126)");

    const fn invalid(description: &'static str) -> Self {
        Self {
            code: "invalid_request",
            description,
        }
    }
}

impl AuthorizationRequest {
    /// Parses the parameters of a request of this OAuth client, whose redirect URI was checked before. `audience_of` returns the registered
    /// audience that a `resource` denotes, and `subject_of` the account that an ID token of this OAuth client is about.
    pub(super) fn parse(
        parameters: &Parameters,
        redirect_uri: &str,
        client: &OauthClient,
        audience_of: impl Fn(&str) -> Option<String>,
        subject_of: impl Fn(&str) -> Option<UserId>,
    ) -> Result<Self, AuthorizationError> {
        refuse_unsupported(parameters)?;
        match parameters.get("response_type") {
            Some("code") => {}
            Some(_) => {
                return Err(AuthorizationError {
                    code: "unsupported_response_type",
                    description: "response_type has to be code",
                });
            }
            None => return Err(AuthorizationError::invalid("response_type is required")),
        }
        Ok(Self {
            redirect_uri: redirect_uri.to_owned(),
            response_mode: response_mode(parameters)?,
            state: opaque(parameters, "state")?,
            scopes: scopes(parameters, client)?,
            nonce: opaque(parameters, "nonce")?,
            code_challenge: code_challenge(parameters)?,
            prompt: prompt(parameters)?,
            max_age: max_age(parameters)?,
            min_level: min_level(parameters),
            login_hint: parameters
                .get("login_hint")
                .filter(|hint| hint.len() <= MAX_HINT)
                .map(str::to_owned),
            expected_user: match parameters.get("id_token_hint") {
                Some(hint) => Some(subject_of(hint).ok_or_else(|| {
                    AuthorizationError::invalid("id_token_hint is not an ID token of this client")
                })?),
                None => None,
            },
            audience: match parameters.get("resource") {
                Some(resource) => Some(audience_of(resource).ok_or(AuthorizationError {
                    code: "invalid_target",
                    description: "the resource is not registered for this client",
                })?),
                None => None,
            },
            key: match parameters.get("dpop_jkt") {
                Some(text) => Some(text.parse().map_err(|_| {
                    AuthorizationError::invalid("dpop_jkt is not a thumbprint of SHA-256")
                })?),
                None => None,
            },
        })
    }

    /// The same for a key that the OAuth client has proved, which `dpop_jkt` must not contradict (RFC 9449 §10.1).
    pub(super) fn bound_to(self, key: KeyThumbprint) -> Result<Self, AuthorizationError> {
        if self.key.as_ref().is_some_and(|stated| *stated != key) {
            let description = "dpop_jkt is not that of the DPoP proof";
            return Err(AuthorizationError::invalid(description));
        }
        Ok(Self {
            key: Some(key),
            ..self
        })
    }
}

/// `response_mode`, which the error of another parameter uses, too.
pub(super) fn response_mode(parameters: &Parameters) -> Result<ResponseMode, AuthorizationError> {
    match parameters.get("response_mode") {
        None => Ok(ResponseMode::Query),
        Some(text) => [ResponseMode::Query, ResponseMode::FormPost]
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or_else(|| {
                AuthorizationError::invalid("response_mode has to be query or form_post")
            }),
    }
}

/// Parameters whose effect is not supported, and must not be ignored (OpenID Connect Core 1.0 §3.1.2.6).
fn refuse_unsupported(parameters: &Parameters) -> Result<(), AuthorizationError> {
    for (name, code, description) in [
        (
            "request",
            "request_not_supported",
            "request objects are not supported",
        ),
        (
            "request_uri",
            "request_uri_not_supported",
            "request_uri is not one of a pushed request",
        ),
        (
            "registration",
            "registration_not_supported",
            "registration in a request is not supported",
        ),
    ] {
        if parameters.get(name).is_some() {
            return Err(AuthorizationError { code, description });
        }
    }
    Ok(())
}

fn opaque(parameters: &Parameters, name: &str) -> Result<Option<String>, AuthorizationError> {
    match parameters.get(name) {
        Some(text) if text.len() > MAX_OPAQUE || text.chars().any(char::is_control) => {
            Err(AuthorizationError::invalid(
                "state and nonce have at most 1024 bytes, without control characters",
            ))
        }
        value => Ok(value.map(str::to_owned)),
    }
}

fn scopes(parameters: &Parameters, client: &OauthClient) -> Result<Scopes, AuthorizationError> {
    let requested = parameters.get("scope").unwrap_or_default().split(' ');
    let known = requested.filter_map(|name| name.parse::<Scope>().ok());
    let granted: Scopes = known.filter(|scope| client.may_be_granted(scope)).collect();
    if granted.is_empty() {
        return Err(AuthorizationError {
            code: "invalid_scope",
            description: "none of the requested scopes can be granted to this client",
        });
    }
    Ok(granted)
}

fn code_challenge(parameters: &Parameters) -> Result<CodeChallenge, AuthorizationError> {
    // A challenge without a method would be `plain` (RFC 7636 §4.3).
    if parameters.get("code_challenge_method") != Some("S256") {
        return Err(AuthorizationError::invalid(
            "a code_challenge with code_challenge_method S256 is required (RFC 7636)",
        ));
    }
    let challenge = parameters.get("code_challenge").unwrap_or_default();
    challenge.parse().map_err(|_| {
        AuthorizationError::invalid("code_challenge is not the SHA-256 of a code_verifier")
    })
}

fn prompt(parameters: &Parameters) -> Result<Prompt, AuthorizationError> {
    let Some(text) = parameters.get("prompt") else {
        return Ok(Prompt::AsNeeded);
    };
    let mut interactions = Interactions::default();
    for value in text.split(' ').filter(|value| !value.is_empty()) {
        match value {
            "login" => interactions.login = true,
            "consent" => interactions.consent = true,
            "select_account" => interactions.select_account = true,
            "none" if text.trim() == "none" => return Ok(Prompt::None),
            "none" => {
                return Err(AuthorizationError::invalid(
                    "prompt none does not go together with other values",
                ));
            }
            _ => {
                return Err(AuthorizationError::invalid(
                    "prompt has the values none, login, consent and select_account",
                ));
            }
        }
    }
    Ok(Prompt::Of(interactions))
}

fn max_age(parameters: &Parameters) -> Result<Option<Duration>, AuthorizationError> {
    let Some(text) = parameters.get("max_age") else {
        return Ok(None);
    };
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse::<u32>().ok().filter(|_| is_number);
    seconds
        .map(|seconds| Some(Duration::from_secs(seconds.into())))
        .ok_or_else(|| AuthorizationError::invalid("max_age is not a number of seconds"))
}

/// Whichever of the values is reached suffices, so that the weakest one is required. Unknown ones are ignored.
fn min_level(parameters: &Parameters) -> Option<AssuranceLevel> {
    let values = parameters.get("acr_values").unwrap_or_default().split(' ');
    values.filter_map(|value| value.parse().ok()).min()
}

#[cfg(test)]
mod tests;
