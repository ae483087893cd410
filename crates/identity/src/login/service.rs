//! The service for operations on logins.

use crate::{dependencies::Dependencies, policy::Policy};

/// Lists and ends logins, and records what becomes of the devices that they are bound to.
pub struct LoginService {
    pub(super) deps: Dependencies,
    pub(super) policy: Policy,
}

impl LoginService {
    /// Creates the service.
    #[must_use]
    pub const fn new(deps: Dependencies, policy: Policy) -> Self {
        Self { deps, policy }
    }
}
