//! Registration and administration of OAuth clients, for `AdminService` and the command line.

use std::sync::Arc;

use holdfast_core::{clock::Clock, invalid_key::InvalidKey};
use secrecy::SecretString;

use crate::{
    audit::{AuditEvent, AuditKind, AuditRecorder, AuditSubject},
    call_context::CallContext,
    error::{Fault, StoreError, fault_from},
    key::Algorithm,
    oauth::{
        ClientAuthMethod, ClientCredentialVerifier, ClientId, GrantType, OauthClient, RelyingParty,
    },
    revocation::RevocationCache,
    store::{Change, ClientStore},
    token::{Scope, Scopes},
};

/// An OAuth client that is to be registered.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// `client_id`, which must not be taken.
    pub id: ClientId,
    /// How it is to authenticate itself.
    pub auth_method: RequestedAuthMethod,
    /// Scopes that its own tokens may have.
    pub scopes: Scopes,
    /// Audiences that its own tokens may be issued for; empty for the first audience of the issuer, and for none where people sign in to it.
    pub audiences: Vec<String>,
    /// Whether it only introspects tokens, and is issued none of its own.
    pub introspection_only: bool,
    /// Whether its tokens must be bound to a key (RFC 9449 §5.2).
    pub dpop_required: bool,
    /// What people are to sign in to it with; `None` where nobody does.
    pub relying_party: Option<RelyingParty>,
}

impl NewClient {
    /// The grant types that it is registered for. An OAuth client that people sign in to gets no tokens for itself: a `sub` in its tokens is
    /// always an account.
    fn grant_types(&self) -> Vec<GrantType> {
        if self.relying_party.is_some() {
            vec![GrantType::AuthorizationCode, GrantType::RefreshToken]
        } else if self.introspection_only || matches!(self.auth_method, RequestedAuthMethod::None) {
            Vec::new()
        } else {
            vec![GrantType::ClientCredentials]
        }
    }
}

/// The authentication method that is to be registered.
#[derive(Clone, Debug)]
pub enum RequestedAuthMethod {
    /// None: a public client.
    None,
    /// A secret, which is generated.
    Secret,
    /// An assertion that is signed by the private half of this public key, a JWK in JSON.
    Key(String),
}

/// Why an OAuth client was not registered or changed.
#[derive(Debug, thiserror::Error)]
pub enum RegisterClientError {
    /// Another OAuth client has this `client_id`.
    #[error("another client has this client_id")]
    IdTaken,
    /// No OAuth client has this `client_id`.
    #[error("there is no such client")]
    NotFound,
    /// The key cannot verify assertions.
    #[error("jwk: {0}")]
    Key(#[from] InvalidKey),
    /// Scopes of accounts are not granted to OAuth clients.
    #[error("profile, account and admin are for people; give the application's own scopes")]
    Scope,
    /// The scopes are longer than a code has room for.
    #[error("scope: the names of all scopes have at most 1024 characters together")]
    ScopeTooLong,
    /// The `client_id` consists of dots, which no path of a URL can contain, or of other signs; or it is the URL of a client's metadata, which is
    /// not registered.
    #[error("client_id: has at least one letter or digit, and is no URL")]
    Id,
    /// An audience is empty or contains blanks, which separate audiences in the store, or control characters.
    #[error("audiences: an audience is a name without blanks, such as https://api.example")]
    Audience,
    /// An OAuth client that people sign in to has no redirect URI, or only introspects tokens.
    #[error(
        "redirect_uris: a client that people sign in to has at least one, and at most 32 of each kind, and does not only introspect"
    )]
    RedirectUris,
    /// ID tokens are not signed with this algorithm here.
    #[error("id_token_algorithm: ID tokens are signed with one of AUTH_ID_TOKEN_ALGORITHMS")]
    IdTokenAlgorithm,
    /// The access tokens of an OAuth client with pairwise subjects are for the `UserInfo` endpoint only.
    #[error(
        "pairwise_subjects: a client that has them has no scopes and audiences of applications"
    )]
    PairwiseSubjects,
    /// It authenticates itself by a key, or is a public client.
    #[error("this client has no secret")]
    NoSecret,
    /// Sign-in depends on the OAuth client.
    #[error("sign-in depends on this client; it cannot be disabled")]
    Protected,
    /// The service failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

fault_from!(RegisterClientError: StoreError);

/// The operations on registered OAuth clients.
#[derive(Clone)]
pub struct OauthClients {
    /// The store of OAuth clients.
    pub store: Arc<dyn ClientStore>,
    /// Revocations that this instance holds in memory.
    pub revocations: Arc<dyn RevocationCache>,
    /// Generates secrets and parses keys.
    pub credentials: Arc<dyn ClientCredentialVerifier>,
    /// Writes the audit events.
    pub audit: AuditRecorder,
    /// The system clock.
    pub clock: Arc<dyn Clock>,
    /// Audiences of the issuer, the default first.
    pub audiences: Vec<String>,
    /// Algorithms that ID tokens are signed with.
    pub id_token_algorithms: Vec<Algorithm>,
}

/// Maximum length of the names of all scopes of an OAuth client, in bytes.
const MAX_SCOPE_LENGTH: usize = 1024;
/// Maximum number of redirect URIs of each kind.
const MAX_REDIRECT_URIS: usize = 32;

impl OauthClients {
    /// Registers an OAuth client. Returns it with its secret, if it has one, which cannot be read again later.
    pub async fn register(
        &self,
        new: NewClient,
        context: &CallContext,
    ) -> Result<(OauthClient, Option<SecretString>), RegisterClientError> {
        if new.id.document_url().is_some() {
            return Err(RegisterClientError::Id);
        }
        let (client, secret) = self.construct(new)?;
        let events = [self.event(context, AuditKind::ClientCreated, &client.id)];
        let is_inserted = self.store.insert_client(&client, &events).await?;
        self.audit.committed(is_inserted, &events);
        if is_inserted {
            Ok((client, secret))
        } else {
            Err(RegisterClientError::IdTaken)
        }
    }

    /// The OAuth client that a registration describes, with its secret, if it is valid.
    pub(super) fn construct(
        &self,
        new: NewClient,
    ) -> Result<(OauthClient, Option<SecretString>), RegisterClientError> {
        if !new.scopes.iter().all(Scope::is_application) {
            return Err(RegisterClientError::Scope);
        }
        if new.scopes.to_string().len() > MAX_SCOPE_LENGTH {
            return Err(RegisterClientError::ScopeTooLong);
        }
        if !new
            .id
            .as_str()
            .contains(|letter: char| letter.is_ascii_alphanumeric())
        {
            return Err(RegisterClientError::Id);
        }
        let is_invalid = |letter: char| letter.is_whitespace() || letter.is_control();
        let is_audience =
            |audience: &String| !audience.is_empty() && !audience.contains(is_invalid);
        if !new.audiences.iter().all(is_audience) {
            return Err(RegisterClientError::Audience);
        }
        self.check_relying_party(&new)?;
        let grant_types = new.grant_types();
        let (auth_method, secret) = match new.auth_method {
            RequestedAuthMethod::None => (ClientAuthMethod::Public, None),
            RequestedAuthMethod::Secret => {
                let (secret, hash) = self.credentials.generate_secret();
                (ClientAuthMethod::Secret(hash), Some(secret))
            }
            RequestedAuthMethod::Key(jwk) => (
                ClientAuthMethod::Key(self.credentials.parse_key(&jwk)?),
                None,
            ),
        };
        let client = OauthClient {
            id: new.id,
            auth_method,
            grant_types,
            dpop_required: new.dpop_required,
            scopes: new.scopes,
            audiences: if new.audiences.is_empty() && new.relying_party.is_none() {
                self.audiences.iter().take(1).cloned().collect()
            } else {
                new.audiences
            },
            relying_party: new.relying_party,
            protected: false,
            disabled: false,
            created_at: self.clock.now(),
        };
        Ok((client, secret))
    }

    /// The algorithm of ID tokens where a registration names none.
    #[must_use]
    pub fn default_id_token_algorithm(&self) -> Algorithm {
        let mut algorithms = self.id_token_algorithms.iter();
        algorithms.next().copied().unwrap_or(Algorithm::EdDsa)
    }

    fn check_relying_party(&self, new: &NewClient) -> Result<(), RegisterClientError> {
        let Some(party) = &new.relying_party else {
            return Ok(());
        };
        let (after, uris) = (&party.post_logout_redirect_uris, &party.redirect_uris);
        let is_valid =
            (1..=MAX_REDIRECT_URIS).contains(&uris.len()) && after.len() <= MAX_REDIRECT_URIS;
        if !is_valid || new.introspection_only {
            return Err(RegisterClientError::RedirectUris);
        }
        if !self.id_token_algorithms.contains(&party.id_token_algorithm) {
            return Err(RegisterClientError::IdTokenAlgorithm);
        }
        // Applications that accept tokens of several OAuth clients would know one account by several identifiers.
        if party.sector.is_some() && !(new.scopes.is_empty() && new.audiences.is_empty()) {
            return Err(RegisterClientError::PairwiseSubjects);
        }
        Ok(())
    }

    /// Returns all OAuth clients in the order of their identifiers.
    pub async fn list(&self) -> Result<Vec<OauthClient>, Fault> {
        Ok(self.store.clients().await?)
    }

    /// Disables an OAuth client permanently and revokes its tokens. False if it was disabled before.
    pub async fn disable(
        &self,
        id: &ClientId,
        context: &CallContext,
    ) -> Result<bool, RegisterClientError> {
        let client = self.store.client(id).await?;
        if client.is_some_and(|client| client.protected) {
            return Err(RegisterClientError::Protected);
        }
        let events = [self.event(context, AuditKind::ClientDisabled, id)];
        let now = self.clock.now();
        let change = self.store.disable_client(id, now, &events).await?;
        self.audit.committed(change == Change::Applied, &events);
        self.revocations.catch_up().await;
        match change {
            Change::Applied => Ok(true),
            Change::AlreadyApplied => Ok(false),
            Change::NotFound => Err(RegisterClientError::NotFound),
        }
    }

    /// Replaces the secret of an OAuth client, and returns the new one. The previous one is invalid at once.
    pub async fn rotate_secret(
        &self,
        id: &ClientId,
        context: &CallContext,
    ) -> Result<SecretString, RegisterClientError> {
        let client = self
            .store
            .client(id)
            .await?
            .ok_or(RegisterClientError::NotFound)?;
        if !matches!(client.auth_method, ClientAuthMethod::Secret(_)) {
            return Err(RegisterClientError::NoSecret);
        }
        let (secret, hash) = self.credentials.generate_secret();
        let events = [self.event(context, AuditKind::ClientSecretRotated, id)];
        let is_set = self.store.set_client_secret(id, &hash, &events).await?;
        self.audit.committed(is_set, &events);
        if is_set {
            Ok(secret)
        } else {
            Err(RegisterClientError::NotFound)
        }
    }

    pub(super) fn event(
        &self,
        context: &CallContext,
        kind: AuditKind,
        client: &ClientId,
    ) -> AuditEvent {
        self.audit
            .event(context, kind, AuditSubject::client(client))
    }
}
