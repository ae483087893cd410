//! OAuth clients whose `client_id` is the URL of their metadata (OAuth Client ID Metadata Document).

use std::sync::Arc;

use async_trait::async_trait;
use url::{Position, Url};

use crate::{
    audit::AuditKind,
    call_context::CallContext,
    error::{Fault, StoreError, fault_from},
    oauth::{
        BackchannelLogoutUri, ClientId, NewClient, OauthClient, OauthClients, RedirectUri,
        RegisterClientError, RelyingParty, RequestedAuthMethod, Sector, relying_party::is_loopback,
    },
    token::Scopes,
};

/// What a document says, without its consequences. It names its own address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientDocument {
    /// The public key by which the client authenticates itself, a JWK in JSON; `None` for a public client.
    pub key: Option<String>,
    /// `client_name`.
    pub name: Option<String>,
    /// `redirect_uris`.
    pub redirect_uris: Vec<String>,
    /// `post_logout_redirect_uris`.
    pub post_logout_redirect_uris: Vec<String>,
    /// `id_token_signed_response_alg`.
    pub id_token_algorithm: Option<String>,
    /// Whether `subject_type` is `pairwise`.
    pub pairwise_subjects: bool,
    /// `require_pushed_authorization_requests`.
    pub must_push: bool,
    /// `backchannel_logout_uri`.
    pub backchannel_logout_uri: Option<String>,
    /// `dpop_bound_access_tokens`.
    pub dpop_required: bool,
}

/// Reads documents.
#[async_trait]
pub trait ClientDocuments: Send + Sync {
    /// Returns the document at a URL, from memory while it is fresh.
    async fn read(&self, url: &Url) -> Result<Arc<ClientDocument>, DocumentError>;

    /// Keeps a document no longer, as it cannot be used.
    fn forget(&self, url: &Url);
}

/// Why there is no document, or none that can be used.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It cannot be read now.
    #[error("the metadata of the application cannot be read: {0}")]
    Unavailable(String),
    /// It cannot be used.
    #[error("the metadata of the application cannot be used: {0}")]
    Invalid(String),
    /// The service failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

fault_from!(DocumentError: StoreError);

/// The OAuth clients that documents describe.
#[derive(Clone)]
pub struct DocumentClients {
    /// Checks what a document says as the registration of a client is checked, and has the store.
    pub clients: OauthClients,
    /// Reads the documents; `None` where none are accepted.
    pub documents: Option<Arc<dyn ClientDocuments>>,
}

impl DocumentClients {
    /// Returns the client that the document at this URL describes; `None` where documents are not accepted. It need not be stored.
    pub(super) async fn read(
        &self,
        id: &ClientId,
        url: &Url,
    ) -> Result<Option<OauthClient>, DocumentError> {
        let Some(documents) = &self.documents else {
            return Ok(None);
        };
        let document = documents.read(url).await?;
        match self.client_of(&document, (id, url)) {
            Err(DocumentError::Invalid(why)) => {
                documents.forget(url);
                Err(DocumentError::Invalid(why))
            }
            client => client.map(Some),
        }
    }

    fn client_of(
        &self,
        document: &ClientDocument,
        address: (&ClientId, &Url),
    ) -> Result<OauthClient, DocumentError> {
        let new = self.registration(document, address);
        match self.clients.construct(new.map_err(DocumentError::Invalid)?) {
            Ok((client, _no_secret)) => Ok(client),
            Err(RegisterClientError::Fault(fault)) => Err(fault.into()),
            Err(refused) => Err(DocumentError::Invalid(refused.to_string())),
        }
    }

    /// Stores a client as its document describes it now, so that grants can refer to it. One that was disabled stays as it is.
    pub(super) async fn store(
        &self,
        (client, stored): (&OauthClient, Option<&OauthClient>),
        context: &CallContext,
    ) -> Result<(), StoreError> {
        let described = |stored: &OauthClient| OauthClient {
            created_at: stored.created_at,
            ..client.clone()
        };
        match stored {
            Some(stored) if *stored == described(stored) => Ok(()),
            Some(_) => self.clients.store.replace_client(client).await,
            None => {
                let kind = AuditKind::ClientCreated;
                let events = [self.clients.event(context, kind, &client.id)];
                let is_new = self.clients.store.insert_client(client, &events).await?;
                self.clients.audit.committed(is_new, &events);
                Ok(())
            }
        }
    }

    /// The registration that a document amounts to: that of a client of somebody else, without scopes and audiences of applications.
    fn registration(
        &self,
        document: &ClientDocument,
        (id, url): (&ClientId, &Url),
    ) -> Result<NewClient, String> {
        let redirect_uris = own_uris(&document.redirect_uris, url)?;
        let sector = document
            .pairwise_subjects
            .then(|| Sector::of(&redirect_uris));
        let sector = sector.transpose().map_err(|why| why.to_string())?;
        let name = document.name.as_deref();
        let name = name.or_else(|| url.host_str()).unwrap_or_default();
        let algorithm = document.id_token_algorithm.as_deref();
        let algorithm = algorithm
            .map(str::parse)
            .transpose()
            .map_err(|why| format!("id_token_signed_response_alg: {why}"))?;
        Ok(NewClient {
            id: id.clone(),
            auth_method: match &document.key {
                Some(jwk) => RequestedAuthMethod::Key(jwk.clone()),
                None => RequestedAuthMethod::None,
            },
            scopes: Scopes::default(),
            audiences: Vec::new(),
            introspection_only: false,
            dpop_required: document.dpop_required,
            relying_party: Some(RelyingParty {
                name: name.parse().map_err(|why| format!("client_name: {why}"))?,
                post_logout_redirect_uris: own_uris(&document.post_logout_redirect_uris, url)?,
                redirect_uris,
                id_token_algorithm: algorithm
                    .unwrap_or_else(|| self.clients.default_id_token_algorithm()),
                is_first_party: false,
                must_push: document.must_push,
                backchannel_logout_uri: logout_uri(document, url)?,
                sector,
            }),
        })
    }
}

/// Redirect URIs, which have to be of the document's origin, or of a loopback host: whoever publishes the document is who receives the response.
fn own_uris(texts: &[String], document: &Url) -> Result<Vec<RedirectUri>, String> {
    let parse = |text: &String| {
        let uri: RedirectUri = text.parse().map_err(|why| format!("{text}: {why}"))?;
        require_own(&uri.browser_origin().unwrap_or_default(), text, document)?;
        Ok(uri)
    };
    texts.iter().map(parse).collect()
}

fn logout_uri(
    document: &ClientDocument,
    url: &Url,
) -> Result<Option<BackchannelLogoutUri>, String> {
    let Some(text) = &document.backchannel_logout_uri else {
        return Ok(None);
    };
    let uri: BackchannelLogoutUri = text.parse().map_err(|why| format!("{text}: {why}"))?;
    if uri.url().origin() != url.origin() {
        return Err(format!("{text} is not of the origin of the document"));
    }
    Ok(Some(uri))
}

fn require_own(origin: &str, text: &str, document: &Url) -> Result<(), String> {
    let is_own = document.origin().ascii_serialization() == origin;
    let is_local = Url::parse(origin).is_ok_and(|url| url.scheme() == "http" && is_loopback(&url));
    if is_own || is_local {
        Ok(())
    } else {
        Err(format!(
            "{text} is neither of the origin of the document nor of a loopback host"
        ))
    }
}

impl ClientId {
    /// The host that publishes the client's metadata, with its port; `None` where the client is registered.
    #[must_use]
    pub fn publisher(&self) -> Option<String> {
        let url = self.document_url()?;
        Some(url[Position::BeforeHost..Position::AfterPort].to_owned())
    }
}
