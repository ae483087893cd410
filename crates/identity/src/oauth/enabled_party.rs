//! OAuth clients that people can sign in to now.

use crate::oauth::{OauthClient, RelyingParty};

/// An OAuth client that people sign in to.
pub(super) struct EnabledParty {
    client: OauthClient,
    party: RelyingParty,
}

impl EnabledParty {
    /// `None` where nobody signs in to it.
    pub(super) fn new(client: OauthClient) -> Option<Self> {
        let party = client.relying_party.clone()?;
        Some(Self { client, party })
    }

    /// The client, and what people sign in to it with.
    pub(super) const fn parts(&self) -> (&OauthClient, &RelyingParty) {
        (&self.client, &self.party)
    }
}
