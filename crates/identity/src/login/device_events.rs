//! Reports of web-service about the keys that bind browser sessions to devices.

use crate::{
    audit::{AuditKind, AuditSubject},
    call_context::CallContext,
    error::{Fault, StoreError, fault_from},
    login::{EndReason, LoginService},
    token::RefreshHandle,
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

impl DeviceEvent {
    const fn audit_kind(self) -> AuditKind {
        match self {
            Self::Bound => AuditKind::DeviceBound,
            Self::ProofRefused => AuditKind::DeviceProofRefused,
            Self::TheftSuspected { .. } => AuditKind::TheftSuspected,
        }
    }
}

impl LoginService {
    /// Records an event for the login that a refresh token belongs to.
    pub async fn report_device(
        &self,
        refresh_token: &str,
        event: DeviceEvent,
        context: &CallContext,
    ) -> Result<(), ReportDeviceError> {
        let handle = self.deps.refresh_tokens.decode(refresh_token);
        let Some(RefreshHandle::RefreshToken(grant, _)) = handle else {
            return Err(ReportDeviceError::Malformed);
        };
        let (store, audit, now) = (&self.deps.store, &self.deps.audit, self.deps.clock.now());
        let found = store.grant(grant).await?;
        let found = found.filter(|(_, login, _)| login.is_live(now));
        let (_, login, user) = found.ok_or(ReportDeviceError::LoginEnded)?;
        let (kind, subject) = (event.audit_kind(), AuditSubject::login(user.id, login.sid));
        match event {
            DeviceEvent::Bound => {
                let events = [audit.event(context, kind, subject)];
                let is_bound = store.set_bound_at(login.sid, now, &events).await?;
                audit.committed(is_bound, &events);
            }
            DeviceEvent::TheftSuspected { ends_login: true } => {
                let event = audit.event(context, kind, subject);
                self.deps
                    .end_login(login.sid, EndReason::Stolen, event)
                    .await?;
            }
            DeviceEvent::ProofRefused | DeviceEvent::TheftSuspected { ends_login: false } => {
                audit.record(context, kind, subject);
            }
        }
        Ok(())
    }
}
