//! OAuth clients that people can sign in to now.

use std::time::Duration;

use crate::{
    authentication::{Counter, Limit},
    call_context::CallContext,
    id::UserId,
    oauth::{AuthorizationService, AuthorizeError, ClientId, OauthClient, RelyingParty},
    observer::RateLimited,
};

/// An OAuth client that people sign in to.
pub(super) struct EnabledParty {
    client: OauthClient,
    party: RelyingParty,
    /// As it is stored; `None` where it was not.
    stored: Option<OauthClient>,
}

impl EnabledParty {
    /// `None` where nobody signs in to it.
    pub(super) fn new(client: OauthClient, stored: Option<OauthClient>) -> Option<Self> {
        let party = client.relying_party.clone()?;
        Some(Self {
            client,
            party,
            stored,
        })
    }

    /// The client, and what people sign in to it with.
    pub(super) const fn parts(&self) -> (&OauthClient, &RelyingParty) {
        (&self.client, &self.party)
    }
}

/// New OAuth clients with documents that one account makes this service store.
const NEW_CLIENTS: Limit = Limit::Window {
    max: 20,
    length: Duration::from_hours(1),
};

impl AuthorizationService {
    /// Stores an OAuth client with a document that is about to be issued a code of this account.
    pub(super) async fn store_of_document(
        &self,
        found: &EnabledParty,
        user: UserId,
        context: &CallContext,
    ) -> Result<(), AuthorizeError> {
        let (client, stored) = (&found.client, found.stored.as_ref());
        if client.id.document_url().is_none() {
            return Ok(());
        }
        if stored.is_none() {
            let counter = Counter {
                name: self
                    .deps
                    .keyed_hasher
                    .hash(&[b"new client", user.as_bytes()]),
                limit: NEW_CLIENTS,
            };
            self.deps.count(RateLimited::NewClient, &[counter]).await?;
        }
        Ok(self.documents.store((client, stored), context).await?)
    }

    /// The enabled OAuth client with this identifier that people sign in to, as its document describes it now if it has one.
    pub(super) async fn relying_party(
        &self,
        id: Option<&str>,
    ) -> Result<EnabledParty, AuthorizeError> {
        let (id, stored) = self.stored_client(id).await?;
        let client = match id.document_url() {
            Some(url) => self.documents.read(&id, &url).await?,
            None => stored.clone(),
        };
        client
            .and_then(|client| EnabledParty::new(client, stored))
            .ok_or(AuthorizeError::UnknownClient)
    }

    /// The same, as it is stored: for the sign-out from one that people have signed in to.
    pub(super) async fn stored_party(
        &self,
        id: Option<&str>,
    ) -> Result<EnabledParty, AuthorizeError> {
        let (_, stored) = self.stored_client(id).await?;
        stored
            .and_then(|client| EnabledParty::new(client, None))
            .ok_or(AuthorizeError::UnknownClient)
    }

    /// An identifier, and the OAuth client that is stored with it, which is not disabled.
    async fn stored_client(
        &self,
        id: Option<&str>,
    ) -> Result<(ClientId, Option<OauthClient>), AuthorizeError> {
        let id = id.and_then(|id| id.parse().ok());
        let id: ClientId = id.ok_or(AuthorizeError::UnknownClient)?;
        let stored = self.deps.store.client(&id).await?;
        if stored.as_ref().is_some_and(|client| client.disabled) {
            return Err(AuthorizeError::UnknownClient);
        }
        Ok((id, stored))
    }
}
