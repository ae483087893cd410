//! Reports of web-service about the keys that bind browser sessions to devices.

use crate::{
    error::{Fault, StoreError, fault_from},
    id::{Sid, UserId},
    login::{EndReason, LoginService},
    token::HandleKind,
};

/// What happened to the device binding of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceEvent {
    /// The login is bound to the device's key from now on.
    Bound,
    /// An invalid device proof was presented.
    ProofRefused,
    /// The session cookie came from another source without a device proof.
    TheftSuspected {
        /// Whether the login is to be ended.
        ends_login: bool,
    },
}

/// Why a report was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ReportDeviceError {
    /// The text is no refresh token of this issuer.
    #[error("the ticket or refresh token is malformed")]
    Malformed,
    /// The login has ended or expired.
    #[error("the login has ended")]
    LoginEnded,
    /// The service failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

fault_from!(ReportDeviceError: StoreError);

impl LoginService {
    /// Records an event for the login that a refresh token belongs to, and returns the account and the login.
    pub async fn report_device(
        &self,
        refresh_token: &str,
        event: DeviceEvent,
    ) -> Result<(UserId, Sid), ReportDeviceError> {
        let handle = self.deps.refresh_tokens.decode(refresh_token);
        let handle = handle.filter(|handle| handle.kind == HandleKind::RefreshToken);
        let sid = handle.ok_or(ReportDeviceError::Malformed)?.sid;
        let (store, now) = (&self.deps.store, self.deps.clock.now());
        let found = store.login(sid).await?;
        let (login, user) = found
            .filter(|(login, _)| login.is_live(now))
            .ok_or(ReportDeviceError::LoginEnded)?;
        match event {
            DeviceEvent::Bound => store.set_bound_at(login.sid, now).await?,
            DeviceEvent::TheftSuspected { ends_login: true } => {
                store.end_login(login.sid, EndReason::Stolen, now).await?;
                self.deps.revocations.catch_up().await;
            }
            DeviceEvent::ProofRefused | DeviceEvent::TheftSuspected { ends_login: false } => {}
        }
        Ok((user.id, login.sid))
    }
}
