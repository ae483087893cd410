//! Origins of the pages that call endpoints of OAuth from a browser (Fetch, CORS protocol).

use std::collections::BTreeSet;

use crate::{
    error::Fault,
    oauth::{AuthorizationService, ClientAuthMethod, OauthClient, RedirectUri},
};

impl AuthorizationService {
    /// The origins of the redirect URIs of public clients that people sign in to, as browsers send them in `Origin`: their pages exchange codes
    /// themselves. A confidential client has a server that does it.
    pub async fn browser_origins(&self) -> Result<BTreeSet<String>, Fault> {
        let clients = self.deps.store.clients().await?;
        let clients = clients.iter().filter(|client| is_public(client));
        let parties = clients.filter_map(|client| client.relying_party.as_ref());
        let uris = parties.flat_map(|party| &party.redirect_uris);
        Ok(uris.filter_map(RedirectUri::browser_origin).collect())
    }
}

fn is_public(client: &OauthClient) -> bool {
    !client.disabled && client.auth_method == ClientAuthMethod::Public
}
