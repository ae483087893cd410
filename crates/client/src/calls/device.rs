//! Events of the device binding of browser sessions, for the audit trail of auth-service.

use auth_proto::v1::{self, ReportDeviceRequest, auth_service_client::AuthServiceClient};
use holdfast_core::client_info::ClientInfo;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    auth_client::AuthClient, client_info, error::AuthError, transport::retry_policy::CHANGE,
};

/// An event of a device binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceEvent {
    /// The session was bound to the device's key, and the browser confirmed it.
    Bound,
    /// A device proof was refused: it is malformed, or not of the session's key.
    ProofRefused,
    /// The session cookie was presented by what is probably another device, without a proof.
    TheftSuspected {
        /// Whether auth-service shall end the login.
        ends_login: bool,
    },
}

/// A [`DeviceEvent`] of a login.
#[derive(Clone, Debug)]
pub struct DeviceReport {
    /// Refresh token of the login.
    pub refresh_token: SecretString,
    /// What happened to the device binding.
    pub event: DeviceEvent,
    /// Source of the request that caused the event.
    pub client: ClientInfo,
}

impl AuthClient {
    /// Records an event of a device binding, and ends the login if the event says so.
    pub async fn report_device(&self, report: &DeviceReport) -> Result<(), AuthError> {
        let (event, end_login) = encode(report.event);
        let call = async |channel| {
            let request = self.request(ReportDeviceRequest {
                refresh_token: report.refresh_token.expose_secret().to_owned(),
                event: event.into(),
                end_login,
                client: Some(client_info::encode(&report.client)),
            });
            AuthServiceClient::new(channel).report_device(request).await
        };
        if end_login {
            self.revoke_by(CHANGE, call).await?;
        } else {
            self.call(CHANGE, call).await?;
        }
        Ok(())
    }
}

const fn encode(event: DeviceEvent) -> (v1::DeviceEvent, bool) {
    match event {
        DeviceEvent::Bound => (v1::DeviceEvent::Bound, false),
        DeviceEvent::ProofRefused => (v1::DeviceEvent::ProofRefused, false),
        DeviceEvent::TheftSuspected { ends_login } => (v1::DeviceEvent::TheftSuspected, ends_login),
    }
}
