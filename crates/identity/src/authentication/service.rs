//! The service that authenticates accounts.

use crate::{dependencies::Dependencies, policy::Policy};

/// Starts logins, reauthenticates within them, and changes passwords and factors for their owners.
pub struct AuthenticationService {
    pub(super) deps: Dependencies,
    pub(super) policy: Policy,
}

impl AuthenticationService {
    /// Creates the service.
    #[must_use]
    pub const fn new(deps: Dependencies, policy: Policy) -> Self {
        Self { deps, policy }
    }
}
