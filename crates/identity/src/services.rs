//! The services that share dependencies and policy.

use crate::{
    authentication::AuthenticationService,
    dependencies::Dependencies,
    login::LoginService,
    oauth::{AuthorizationService, ClientAuthenticationService, DocumentClients, DpopVerifier},
    policy::Policy,
    token::TokenService,
};

/// One service for each subject that has operations for callers of the gRPC API.
pub struct IdentityServices {
    /// Sign-in, reauthentication, change of passwords and factors.
    pub authentication: AuthenticationService,
    /// Lists and ends of logins, reports about devices.
    pub logins: LoginService,
    /// The authorization endpoint.
    pub authorizations: AuthorizationService,
    /// Issue, validation, introspection and revocation of tokens.
    pub tokens: TokenService,
}

impl IdentityServices {
    /// Creates the services.
    #[must_use]
    pub fn new(deps: Dependencies, policy: Policy, documents: DocumentClients) -> Self {
        let clients = ClientAuthenticationService::new(deps.clone(), policy.issuer.clone());
        Self {
            authentication: AuthenticationService::new(deps.clone(), policy.clone()),
            logins: LoginService::new(deps.clone(), policy.clone()),
            authorizations: AuthorizationService::new(
                deps.clone(),
                policy.clone(),
                (clients.clone(), documents),
            ),
            tokens: TokenService::new(DpopVerifier::new(&deps), clients, deps, policy),
        }
    }
}
