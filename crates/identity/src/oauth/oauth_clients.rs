//! The care of clients, for `AdminService` and the command line.

use std::sync::Arc;

use holdfast_core::{clock::Clock, invalid_key::InvalidKey};
use secrecy::SecretString;

use crate::{
    error::Fault,
    oauth::{ClientAuthMethod, ClientId, ClientProofs, GrantType, OauthClient},
    store::{Change, Clients as Store, RevocationMemory, StoreError},
    token::Scopes,
};

/// A client that is to be registered.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// Its name.
    pub id: ClientId,
    /// How it is to prove who it is.
    pub proves_by: ProvesBy,
    /// What it may ask for in its own name.
    pub scopes: Scopes,
    /// Whom its tokens may be for.
    pub audiences: Vec<String>,
    /// It gets no tokens, and only asks what those of others are worth.
    pub introspection_only: bool,
    /// Whether its tokens have to be bound to a key.
    pub dpop_required: bool,
}

/// How a client is to prove who it is.
#[derive(Clone, Debug)]
pub enum ProvesBy {
    /// Not at all.
    Nothing,
    /// By a secret that is made for it.
    Secret,
    /// By this public key, a JWK in JSON.
    Key(String),
}

/// Why a client was not registered or changed.
#[derive(Debug, thiserror::Error)]
pub enum RegisterClientError {
    /// Another one has the name.
    #[error("another client has this client_id")]
    IdTaken,
    /// There is none of this name.
    #[error("there is no such client")]
    NotFound,
    /// The key is none that assertions can be verified with.
    #[error("jwk: {0}")]
    Key(#[from] InvalidKey),
    /// Scopes of people are not granted to clients.
    #[error("profile, account and admin are for people; give the application's own scopes")]
    Scope,
    /// They are kept with blanks between them.
    #[error("audiences: an audience is a name without blanks, such as https://api.example")]
    Audience,
    /// It has no secret, or is not to be changed.
    #[error("this client has no secret")]
    NoSecret,
    /// The first-party client stays.
    #[error("the first-party client cannot be changed")]
    FirstParty,
    /// It could not be done now.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for RegisterClientError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

/// Registers, lists and ends clients.
#[derive(Clone)]
pub struct Clients {
    /// Where they are kept.
    pub store: Arc<dyn Store>,
    /// What has ended.
    pub revocations: Arc<dyn RevocationMemory>,
    /// Their secrets and keys.
    pub proofs: Arc<dyn ClientProofs>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whom tokens may be for, the default first.
    pub audiences: Vec<String>,
}

impl Clients {
    /// Registers a client; gives its secret where it has one, which is told this once.
    pub async fn register(
        &self,
        new: NewClient,
    ) -> Result<(OauthClient, Option<SecretString>), RegisterClientError> {
        if !new
            .scopes
            .iter()
            .all(crate::token::Scope::is_of_application)
        {
            return Err(RegisterClientError::Scope);
        }
        let is_name =
            |audience: &String| !audience.is_empty() && !audience.contains(char::is_whitespace);
        if !new.audiences.iter().all(is_name) {
            return Err(RegisterClientError::Audience);
        }
        let (registered, secret) = match new.proves_by {
            ProvesBy::Nothing => (ClientAuthMethod::Public, None),
            ProvesBy::Secret => {
                let (secret, hash) = self.proofs.new_secret();
                (ClientAuthMethod::Secret(hash), Some(secret))
            }
            ProvesBy::Key(jwk) => (ClientAuthMethod::Key(self.proofs.parse_key(&jwk)?), None),
        };
        let has_own_tokens = !new.introspection_only && registered != ClientAuthMethod::Public;
        let client = OauthClient {
            id: new.id,
            registered,
            grant_types: has_own_tokens
                .then_some(GrantType::ClientCredentials)
                .into_iter()
                .collect(),
            dpop_required: new.dpop_required,
            scopes: new.scopes,
            audiences: if new.audiences.is_empty() {
                self.audiences.iter().take(1).cloned().collect()
            } else {
                new.audiences
            },
            disabled: false,
            created_at: self.clock.now(),
        };
        if self.store.insert_client(&client).await? {
            Ok((client, secret))
        } else {
            Err(RegisterClientError::IdTaken)
        }
    }

    /// All clients, by name.
    pub async fn list(&self) -> Result<Vec<OauthClient>, Fault> {
        Ok(self.store.clients().await?)
    }

    /// Ends a client for good: its tokens die at once, and it gets no more. False if that was done before.
    pub async fn disable(&self, id: &ClientId) -> Result<bool, RegisterClientError> {
        if id.is_first_party() {
            return Err(RegisterClientError::FirstParty);
        }
        let change = self.store.disable_client(id, self.clock.now()).await?;
        self.revocations.catch_up().await;
        match change {
            Change::Made => Ok(true),
            Change::MadeBefore => Ok(false),
            Change::NotFound => Err(RegisterClientError::NotFound),
        }
    }

    /// Gives a client another secret; the one before is of no use from now on.
    pub async fn rotate_secret(&self, id: &ClientId) -> Result<SecretString, RegisterClientError> {
        let client = self
            .store
            .client(id)
            .await?
            .ok_or(RegisterClientError::NotFound)?;
        if !matches!(client.registered, ClientAuthMethod::Secret(_)) {
            return Err(RegisterClientError::NoSecret);
        }
        let (secret, hash) = self.proofs.new_secret();
        self.store.set_client_secret(id, &hash).await?;
        Ok(secret)
    }
}
