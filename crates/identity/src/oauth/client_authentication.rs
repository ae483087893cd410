//! Authentication of OAuth clients (RFC 6749 §2.3, RFC 7523).

use std::time::Duration;

use holdfast_core::replay_cache::ReplayCacheError;

use crate::{
    audit::AuditSubject,
    call_context::CallContext,
    dependencies::Dependencies,
    error::{Fault, StoreError, fault_from},
    issuer::is_equivalent_issuer,
    leeway::LEEWAY,
    oauth::{
        Assertion, ClientAuthMethod, ClientAuthentication, ClientCredentials, ClientId, OauthClient,
    },
};

/// Maximum time from now until `exp` of an assertion.
const MAX_ASSERTION_LIFE: Duration = Duration::from_mins(5);

/// Why an OAuth client was not authenticated.
#[derive(Debug, thiserror::Error)]
pub enum InvalidClient {
    /// It is unknown or disabled, or its credentials are wrong; the caller does not learn which.
    #[error("the client is unknown, or its authentication is invalid")]
    InvalidClient,
    /// The service failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

fault_from!(InvalidClient: StoreError, ReplayCacheError);

/// Authenticates OAuth clients.
#[derive(Clone)]
pub struct ClientAuthenticationService {
    deps: Dependencies,
    issuer: String,
}

impl ClientAuthenticationService {
    /// Creates the service; `issuer` is an origin in its normal form.
    #[must_use]
    pub const fn new(deps: Dependencies, issuer: String) -> Self {
        Self { deps, issuer }
    }

    /// Returns the OAuth client that these credentials authenticate. An assertion is used up by it.
    pub async fn authenticate(
        &self,
        credentials: &ClientCredentials,
        context: &CallContext,
    ) -> Result<OauthClient, InvalidClient> {
        let result = match self.stated_client(credentials) {
            Some(id) => {
                let client = self.deps.store.client(&id).await?;
                self.verify(credentials, client).await
            }
            None => Err(InvalidClient::InvalidClient),
        };
        self.record(result, credentials, context)
    }

    /// The same for an OAuth client that was found by another way than the store.
    pub(super) async fn authenticate_as(
        &self,
        client: OauthClient,
        credentials: &ClientCredentials,
        context: &CallContext,
    ) -> Result<OauthClient, InvalidClient> {
        let result = self.verify(credentials, Some(client)).await;
        self.record(result, credentials, context)
    }

    fn record(
        &self,
        result: Result<OauthClient, InvalidClient>,
        credentials: &ClientCredentials,
        context: &CallContext,
    ) -> Result<OauthClient, InvalidClient> {
        if let Err(InvalidClient::InvalidClient) = result {
            self.record_refusal(credentials, context);
        }
        result
    }

    /// Records that credentials were refused. The stated identifier is kept only if it has the form of one.
    pub(crate) fn record_refusal(&self, credentials: &ClientCredentials, context: &CallContext) {
        let subject = AuditSubject {
            client: credentials.id.parse().ok(),
            ..AuditSubject::default()
        };
        self.deps.audit.record_invalid_client(context, &subject);
    }

    /// The OAuth client that credentials are said to be of.
    pub(super) fn stated_client(&self, credentials: &ClientCredentials) -> Option<ClientId> {
        let stated = match &credentials.authentication {
            ClientAuthentication::Assertion(assertion) if credentials.id.is_empty() => {
                self.deps.client_credentials.unverified_issuer(assertion)
            }
            _ => Some(credentials.id.clone()),
        };
        stated.and_then(|id| id.parse().ok())
    }

    async fn verify(
        &self,
        credentials: &ClientCredentials,
        client: Option<OauthClient>,
    ) -> Result<OauthClient, InvalidClient> {
        let verifier = &self.deps.client_credentials;
        let client = client.filter(|client| !client.disabled);
        let client = client.ok_or(InvalidClient::InvalidClient)?;
        let is_authenticated = match (&credentials.authentication, &client.auth_method) {
            (ClientAuthentication::None, ClientAuthMethod::Public) => true,
            (ClientAuthentication::Secret(secret), ClientAuthMethod::Secret(hash)) => {
                verifier.verify_secret(secret, hash)
            }
            (ClientAuthentication::Assertion(assertion), ClientAuthMethod::Key(jwk)) => {
                self.consume_assertion(assertion, jwk, &client.id).await?
            }
            _ => false,
        };
        if is_authenticated {
            Ok(client)
        } else {
            Err(InvalidClient::InvalidClient)
        }
    }

    /// Whether an assertion is valid for this OAuth client (RFC 7523 §3), and was not used before.
    async fn consume_assertion(
        &self,
        assertion: &str,
        jwk: &str,
        id: &ClientId,
    ) -> Result<bool, ReplayCacheError> {
        let verifier = &self.deps.client_credentials;
        let Some(assertion) = verifier.verify_assertion(assertion, jwk) else {
            return Ok(false);
        };
        if !self.is_acceptable(&assertion, id) {
            return Ok(false);
        }
        let key = [
            b"assertion".as_slice(),
            id.as_str().as_bytes(),
            assertion.id.as_bytes(),
        ];
        let key = self.deps.keyed_hasher.hash(&key).hex();
        let window = MAX_ASSERTION_LIFE + LEEWAY * 2;
        let replay_cache = &self.deps.replay_cache;
        replay_cache.insert_if_new(&key, id.as_str(), window).await
    }

    /// Whether issuer, subject, audience and times of an assertion are acceptable (RFC 7523 §3).
    fn is_acceptable(&self, assertion: &Assertion, id: &ClientId) -> bool {
        let now = self.deps.clock.now();
        // The issuer, its token endpoint, or that of pushed requests (RFC 9126 §2).
        let is_own_audience = |audience: &String| {
            let mut endpoints = ["/oauth2/token", "/oauth2/par"].into_iter();
            let issuer = endpoints.find_map(|endpoint| audience.strip_suffix(endpoint));
            is_equivalent_issuer(&self.issuer, issuer.unwrap_or(audience))
        };
        let is_by_client = assertion.issuer == id.as_str() && assertion.subject == id.as_str();
        let is_for_issuer = assertion.audiences.iter().any(is_own_audience);
        // Nothing is added to the times of the assertion, which may be the greatest that can be represented.
        let has_begun = assertion.not_before.is_none_or(|at| at <= now + LEEWAY);
        let has_ended = assertion.expires_at <= now - LEEWAY;
        let is_short = assertion.expires_at <= now + MAX_ASSERTION_LIFE + LEEWAY;
        is_by_client && is_for_issuer && has_begun && !has_ended && is_short
    }
}
