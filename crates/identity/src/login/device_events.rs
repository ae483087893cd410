//! What web-service tells of the keys that bind browsers to their devices.

use crate::{
    id::{Sid, UserId},
    login::EndReason,
    service::IdentityService,
    token::{Grant, IssueTokenError},
};

/// What became of a device's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceEvent {
    /// The login is bound to it from now on.
    Bound,
    /// Something that is no proof of it was presented as one.
    ProofRefused,
    /// The session's cookie came from elsewhere, without a proof.
    TheftSuspected {
        /// Whether the login is to end.
        ends_login: bool,
    },
}

impl IdentityService {
    /// Notes it of the login that a refresh token belongs to; gives whose it is.
    pub async fn report_device(
        &self,
        refresh_token: String,
        event: DeviceEvent,
    ) -> Result<(UserId, Sid), IssueTokenError> {
        let credential = self.open(&Grant::RefreshToken(refresh_token))?;
        let now = self.deps.clock.now();
        let (login, user) = self.live_login(credential.sid, now).await?;
        match event {
            DeviceEvent::Bound => self.deps.store.note_bound(login.sid, now).await?,
            DeviceEvent::TheftSuspected { ends_login: true } => {
                let (store, reason) = (&self.deps.store, EndReason::Stolen);
                store.end_login(login.sid, reason, now).await?;
                self.deps.revocations.catch_up().await;
            }
            DeviceEvent::ProofRefused | DeviceEvent::TheftSuspected { ends_login: false } => {}
        }
        Ok((user.id, login.sid))
    }
}
