//! Authorization codes, and the state of authorization requests, sealed for browsers.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_identity::oauth::{
    Authentication, AuthorizationCode, AuthorizationCodec, AuthorizationFlow, AuthorizationRequest,
    CodeChallenge, CodeVerifier, FlowProgress, Interactions, Prompt, ResponseMode,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::{
    hash::sha256,
    sealed_handle::{HandleKind, HandleSealer},
};

/// The texts of codes. `state` is not part of them.
const CODE: HandleKind = HandleKind {
    prefix: "hfc_",
    place: "authorization code",
    max_length: 8 * 1024,
};
/// The texts of flows.
const FLOW: HandleKind = HandleKind {
    prefix: "hfz_",
    place: "authorization flow",
    max_length: 12 * 1024,
};

/// The key of authorization codes and flows, which all instances share.
pub struct AuthorizationSealer(HandleSealer);

impl AuthorizationSealer {
    /// The key from 32 random bytes.
    #[must_use]
    pub fn new(bytes: &Zeroizing<Vec<u8>>) -> Self {
        Self(HandleSealer::new(bytes))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedCode {
    grant: String,
    sid: String,
    client: String,
    redirect_uri: String,
    code_challenge: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    scopes: String,
    audience: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    consented: String,
    /// In seconds since 1970.
    expires_at: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedFlow {
    client: String,
    request: SealedRequest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    progress: Option<SealedProgress>,
    /// In seconds since 1970.
    expires_at: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedRequest {
    redirect_uri: String,
    response_mode: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    scopes: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    code_challenge: String,
    prompt: SealedPrompt,
    /// In seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_age: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min_level: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    login_hint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected_user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    audience: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SealedPrompt {
    AsNeeded,
    None,
    Of {
        login: bool,
        consent: bool,
        select_account: bool,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedProgress {
    /// `sid`, and the time of the authentication in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<(String, i64)>,
    /// In milliseconds since 1970.
    started_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked: Option<String>,
}

impl AuthorizationCodec for AuthorizationSealer {
    fn seal_code(&self, code: &AuthorizationCode) -> String {
        let sealed = SealedCode {
            grant: code.grant.to_string(),
            sid: code.sid.to_string(),
            client: code.client.to_string(),
            redirect_uri: code.redirect_uri.clone(),
            code_challenge: code.code_challenge.as_str().to_owned(),
            nonce: code.nonce.clone(),
            scopes: code.scopes.to_string(),
            audience: code.audience.clone(),
            key: code.key.as_ref().map(ToString::to_string),
            consented: code.consented.to_string(),
            expires_at: code.expires_at.unix_timestamp(),
        };
        self.0.seal(&CODE, sealed.expires_at, &sealed)
    }

    fn open_code(&self, text: &str) -> Option<AuthorizationCode> {
        let code: SealedCode = self.0.open(&CODE, text)?;
        Some(AuthorizationCode {
            grant: code.grant.parse().ok()?,
            sid: code.sid.parse().ok()?,
            client: code.client.parse().ok()?,
            redirect_uri: code.redirect_uri,
            code_challenge: code.code_challenge.parse().ok()?,
            nonce: code.nonce,
            scopes: code.scopes.parse().ok()?,
            audience: code.audience,
            key: code.key.map(|key| key.parse().ok()).transpose_some()?,
            consented: code.consented.parse().ok()?,
            expires_at: OffsetDateTime::from_unix_timestamp(code.expires_at).ok()?,
        })
    }

    fn seal_flow(&self, flow: &AuthorizationFlow) -> String {
        let sealed = SealedFlow {
            client: flow.client.to_string(),
            request: SealedRequest::from(&flow.request),
            progress: flow.progress.as_ref().map(SealedProgress::from),
            expires_at: flow.expires_at.unix_timestamp(),
        };
        self.0.seal(&FLOW, sealed.expires_at, &sealed)
    }

    fn open_flow(&self, text: &str) -> Option<AuthorizationFlow> {
        let flow: SealedFlow = self.0.open(&FLOW, text)?;
        Some(AuthorizationFlow {
            client: flow.client.parse().ok()?,
            request: flow.request.open()?,
            progress: flow.progress.map(SealedProgress::open).transpose_some()?,
            expires_at: OffsetDateTime::from_unix_timestamp(flow.expires_at).ok()?,
        })
    }

    fn has_verifier(&self, challenge: &CodeChallenge, verifier: &CodeVerifier) -> bool {
        let hash = URL_SAFE_NO_PAD.encode(sha256(verifier.expose()));
        // The challenge is no secret: the browser carried it.
        hash == challenge.as_str()
    }
}

/// Distinguishes an optional value that is absent from one that is invalid.
trait TransposeSome<T> {
    /// `None` if there is a value, and it is invalid.
    fn transpose_some(self) -> Option<Option<T>>;
}

impl<T> TransposeSome<T> for Option<Option<T>> {
    fn transpose_some(self) -> Option<Option<T>> {
        match self {
            None => Some(None),
            Some(Some(value)) => Some(Some(value)),
            Some(None) => None,
        }
    }
}

impl From<&AuthorizationRequest> for SealedRequest {
    fn from(request: &AuthorizationRequest) -> Self {
        Self {
            redirect_uri: request.redirect_uri.clone(),
            response_mode: request.response_mode.as_str().to_owned(),
            state: request.state.clone(),
            scopes: request.scopes.to_string(),
            nonce: request.nonce.clone(),
            code_challenge: request.code_challenge.as_str().to_owned(),
            prompt: match request.prompt {
                Prompt::AsNeeded => SealedPrompt::AsNeeded,
                Prompt::None => SealedPrompt::None,
                Prompt::Of(interactions) => SealedPrompt::Of {
                    login: interactions.login,
                    consent: interactions.consent,
                    select_account: interactions.select_account,
                },
            },
            max_age: request.max_age.map(|max_age| max_age.as_secs()),
            min_level: request.min_level.map(|level| level.acr().to_owned()),
            login_hint: request.login_hint.clone(),
            expected_user: request.expected_user.map(|user| user.to_string()),
            audience: request.audience.clone(),
            key: request.key.as_ref().map(ToString::to_string),
        }
    }
}

impl SealedRequest {
    fn open(self) -> Option<AuthorizationRequest> {
        let mut modes = [ResponseMode::Query, ResponseMode::FormPost].into_iter();
        Some(AuthorizationRequest {
            redirect_uri: self.redirect_uri,
            response_mode: modes.find(|mode| mode.as_str() == self.response_mode)?,
            state: self.state,
            scopes: self.scopes.parse().ok()?,
            nonce: self.nonce,
            code_challenge: self.code_challenge.parse().ok()?,
            prompt: match self.prompt {
                SealedPrompt::AsNeeded => Prompt::AsNeeded,
                SealedPrompt::None => Prompt::None,
                SealedPrompt::Of {
                    login,
                    consent,
                    select_account,
                } => Prompt::Of(Interactions {
                    login,
                    consent,
                    select_account,
                }),
            },
            max_age: self.max_age.map(std::time::Duration::from_secs),
            min_level: self
                .min_level
                .map(|level| level.parse().ok())
                .transpose_some()?,
            login_hint: self.login_hint,
            expected_user: self
                .expected_user
                .map(|user| user.parse().ok())
                .transpose_some()?,
            audience: self.audience,
            key: self.key.map(|key| key.parse().ok()).transpose_some()?,
        })
    }
}

impl From<&FlowProgress> for SealedProgress {
    fn from(progress: &FlowProgress) -> Self {
        let millis = |time: OffsetDateTime| {
            i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
        };
        let before = progress.before;
        Self {
            before: before.map(|before| (before.sid.to_string(), millis(before.at))),
            started_at: millis(progress.started_at),
            asked: progress.asked.map(|sid| sid.to_string()),
        }
    }
}

impl SealedProgress {
    fn open(self) -> Option<FlowProgress> {
        let time = |millis: i64| {
            OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).ok()
        };
        let authentication = |(sid, at): (String, i64)| {
            Some(Authentication {
                sid: sid.parse().ok()?,
                at: time(at)?,
            })
        };
        Some(FlowProgress {
            before: self.before.map(authentication).transpose_some()?,
            started_at: time(self.started_at)?,
            asked: self.asked.map(|sid| sid.parse().ok()).transpose_some()?,
        })
    }
}

#[cfg(test)]
mod tests;
