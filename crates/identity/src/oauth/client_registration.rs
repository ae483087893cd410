//! OAuth clients that register themselves (RFC 7591, OpenID Connect Dynamic Client Registration 1.0).

use secrecy::SecretString;

use crate::{
    call_context::CallContext,
    oauth::{
        NewClient, OauthClient, OauthClients, RegisterClientError, RelyingParty,
        RequestedAuthMethod,
    },
    token::Scopes,
};

/// What an OAuth client registers itself with, after its initial access token was verified.
#[derive(Clone, Debug)]
pub struct ClientRegistration {
    /// How it is to authenticate itself.
    pub auth_method: RequestedAuthMethod,
    /// What people are to sign in to it with.
    pub relying_party: RelyingParty,
    /// Whether its tokens must be bound to a key (RFC 9449 §5.2).
    pub dpop_required: bool,
}

impl OauthClients {
    /// Registers an OAuth client with a generated `client_id`, as [`register`](Self::register) does. It is never one of the installation, and
    /// has no scopes and audiences of applications: an operator registers clients that need those.
    pub async fn register_itself(
        &self,
        registration: ClientRegistration,
        context: &CallContext,
    ) -> Result<(OauthClient, Option<SecretString>), RegisterClientError> {
        let new = NewClient {
            id: self.credentials.generate_id(),
            auth_method: registration.auth_method,
            scopes: Scopes::default(),
            audiences: Vec::new(),
            introspection_only: false,
            dpop_required: registration.dpop_required,
            relying_party: Some(RelyingParty {
                is_first_party: false,
                ..registration.relying_party
            }),
        };
        self.register(new, context).await
    }
}
