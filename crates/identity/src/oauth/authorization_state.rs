//! How far an authorization request has come, and why it has no response.

use crate::{
    account::Username,
    authentication::{AssuranceLevel, Throttled},
    error::{Fault, StoreError, fault_from},
    oauth::{
        ClientId, ClientName, DocumentError, DpopError, InvalidClient, ResponseMode,
        authorization_request::AuthorizationError,
    },
    token::Scopes,
};

/// A response of the authorization endpoint, which the browser brings to the relying party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationResponse {
    /// Where it is sent.
    pub redirect_uri: String,
    /// How its parameters are sent.
    pub mode: ResponseMode,
    /// Its parameters: of a code, or of an error.
    pub parameters: Vec<(&'static str, String)>,
}

/// The question for consent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentQuestion {
    /// The flow to continue.
    pub flow: String,
    /// The relying party.
    pub client: ClientId,
    /// Its name.
    pub name: ClientName,
    /// The host that the browser is sent to, or the scheme where there is none.
    pub destination: String,
    /// The account.
    pub username: Username,
    /// What it asks for.
    pub scopes: Scopes,
}

/// How far an authorization request has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthorizationState {
    /// It is answered.
    Done(AuthorizationResponse),
    /// The browser has to sign in.
    SignIn {
        /// The flow to continue.
        flow: String,
        /// A username for the sign-in page.
        login_hint: Option<String>,
    },
    /// The login has to be authenticated again.
    Reauthenticate {
        /// The flow to continue.
        flow: String,
        /// Required strength; `None` for any.
        min_level: Option<AssuranceLevel>,
    },
    /// The account's owner has to be asked.
    AskConsent(ConsentQuestion),
}

/// Why a request has no response that the relying party could be sent.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// The OAuth client is unknown or disabled, or people do not sign in to it.
    #[error("the application is unknown")]
    UnknownClient,
    /// The redirect URI is missing or not registered.
    #[error("the application has not registered the address that it wants to return to")]
    RedirectUri,
    /// A parameter is repeated.
    #[error("a parameter is repeated")]
    RepeatedParameter,
    /// The flow or pushed request has expired, or is not one of this issuer.
    #[error("the request has expired; start again from the application")]
    Expired,
    /// The metadata that the OAuth client publishes cannot be read or used.
    #[error("{0}")]
    Document(String),
    /// The account has allowed too many OAuth clients that nobody registered.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// The service failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

fault_from!(AuthorizeError: StoreError);

impl From<DocumentError> for AuthorizeError {
    fn from(error: DocumentError) -> Self {
        match error {
            DocumentError::Fault(fault) => Self::Fault(fault),
            unusable => Self::Document(unusable.to_string()),
        }
    }
}

/// Why a request was not pushed.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The OAuth client is unknown or disabled, or its credentials are wrong.
    #[error("the client is unknown, or its authentication is invalid")]
    InvalidClient,
    /// A parameter is not valid.
    #[error("{0}: {1}")]
    Parameter(&'static str, &'static str),
    /// The DPoP proof is not valid.
    #[error(transparent)]
    Dpop(#[from] DpopError),
    /// The service failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<InvalidClient> for PushError {
    fn from(error: InvalidClient) -> Self {
        match error {
            InvalidClient::InvalidClient => Self::InvalidClient,
            InvalidClient::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<AuthorizeError> for PushError {
    fn from(error: AuthorizeError) -> Self {
        match error {
            AuthorizeError::Fault(fault) => Self::Fault(fault),
            AuthorizeError::Document(_) => Self::Parameter(
                "invalid_client",
                "the metadata at client_id cannot be read or used",
            ),
            _ => Self::InvalidClient,
        }
    }
}

impl From<AuthorizationError> for PushError {
    fn from(error: AuthorizationError) -> Self {
        Self::Parameter(error.code, error.description)
    }
}
