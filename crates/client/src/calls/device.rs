//! What became of the key that a browser session is bound to, for the audit trail of auth-service.

use secrecy::SecretString;

use crate::auth::ClientInfo;

/// What became of a device's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceEvent {
    /// The session is bound to it.
    Bound,
    /// Something that is no proof of it was presented as one.
    ProofRefused,
    /// The session's cookie came from elsewhere, without a proof.
    TheftSuspected {
        /// Whether the login is to end.
        ends_login: bool,
    },
}

/// The same, of a login.
#[derive(Clone, Debug)]
pub struct DeviceReport {
    /// Says which login.
    pub refresh_token: SecretString,
    /// What happened.
    pub event: DeviceEvent,
    /// Where it came from.
    pub client: ClientInfo,
}

/// Tells auth-service, now or as soon as it answers.
pub trait DeviceReports: Send + Sync {
    /// Takes a report.
    fn report(&self, report: DeviceReport);
}
