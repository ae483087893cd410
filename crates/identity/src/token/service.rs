//! The service that issues, validates, introspects and revokes tokens.

use crate::{
    dependencies::Dependencies,
    oauth::{ClientAuthenticationService, DpopVerifier},
    policy::Policy,
};

/// Issues, validates, introspects and revokes tokens.
pub struct TokenService {
    pub(super) dpop: DpopVerifier,
    pub(super) clients: ClientAuthenticationService,
    pub(super) deps: Dependencies,
    pub(super) policy: Policy,
}

impl TokenService {
    /// Creates the service.
    #[must_use]
    pub const fn new(
        dpop: DpopVerifier,
        clients: ClientAuthenticationService,
        deps: Dependencies,
        policy: Policy,
    ) -> Self {
        Self {
            dpop,
            clients,
            deps,
            policy,
        }
    }

    /// Returns `iss` of every token: an origin in its normal form.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.policy.issuer
    }

    /// Returns a nonce for the caller's next DPoP proof.
    #[must_use]
    pub fn dpop_nonce(&self) -> String {
        self.dpop.nonce()
    }
}
