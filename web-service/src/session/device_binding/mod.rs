//! Device binding (W3C Device Bound Session Credentials): a session cookie without a proof of the device's key is of no use to a thief.

use std::{sync::Arc, time::Duration};

use holdfast_client::{ClientInfo, DeviceEvent, DeviceReport, RetryQueue};
use holdfast_core::{clock::Clock, replay_cache::ReplayCache};
use time::OffsetDateTime;

use crate::session::{
    browser_session::Session,
    device_binding::{
        device::{Device, DeviceKey, DeviceSimilarity},
        protocol::{Challenge, ChallengePurpose, DeviceProofCodec, PROOF_TTL},
    },
    session_id::SessionId,
    sessions::Sessions,
    unavailable::RecordsUnavailable,
};

pub mod device;
mod policy;
pub mod protocol;
mod trust;

pub use policy::{BindingPolicy, DeviceBinding, OnTheft};

/// Largest difference between the clocks of instances.
const SKEW: Duration = Duration::from_secs(30);

/// How long a session may be used before it is bound, where binding is required.
const GRACE: Duration = Duration::from_mins(1);

/// Interval in which an event of one kind is recorded once for a session.
const REPORT_INTERVAL: Duration = Duration::from_mins(1);

/// What a request with a session cookie shows of the bound device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceProofStatus {
    /// The request is accepted: it has a valid proof cookie, or needs none.
    Sufficient,
    /// A valid proof cookie for the first time. The binding is enforced once [`confirm`](DeviceBindings::confirm) has recorded it.
    FirstProof,
    /// The session is bound, and the request has no valid proof cookie. The browser may not have been asked for a proof.
    Missing,
    /// The proof cookie of this session expired more than the clock skew ago: browsers delete it in time, copies remain.
    Expired,
    /// The session is not bound, and must be.
    Unbound,
}

/// The result of an accepted device proof.
#[derive(Debug)]
pub struct AcceptedProof {
    /// Value of the proof cookie.
    pub cookie: String,
    /// Challenge for the next refresh.
    pub next_challenge: String,
}

/// Why a device proof was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum DeviceProofError {
    /// It is malformed, has an invalid signature, or was made for another session.
    #[error("the device proof is invalid")]
    Invalid,
    /// Its challenge has expired or was used before. Browsers send such proofs after a pause or a lost response.
    #[error("the challenge has expired or was used before")]
    OutdatedChallenge,
    /// The session is bound already, is not bound to a key, or sessions are not bound at all.
    #[error("no device proof is expected")]
    NotExpected,
    /// The session store does not answer.
    #[error(transparent)]
    Unavailable(#[from] RecordsUnavailable),
}

/// Binds sessions to devices and verifies their proofs.
#[derive(Clone)]
pub struct DeviceBindings {
    /// The operator's settings.
    pub policy: BindingPolicy,
    /// Formats of challenges, proofs and cookies.
    pub proofs: Arc<dyn DeviceProofCodec>,
    /// Whether there are applications at other origins. Browsers do not refresh the proof for requests to them.
    pub has_other_origins: bool,
    /// Used challenges, and events that were recorded within the last minute.
    pub replay_cache: Arc<dyn ReplayCache>,
    /// The session records, which contain the key of each binding.
    pub sessions: Sessions,
    /// Where device events are reported to.
    pub reports: RetryQueue,
    /// Dates challenges and proof cookies.
    pub clock: Arc<dyn Clock>,
}

impl DeviceBindings {
    /// The challenge with which a browser registers a key; `None` where sessions are not bound. It must be sent right after an
    /// authentication only: later, the holder of a stolen cookie could register a key.
    #[must_use]
    pub fn registration_challenge(&self, sid: &str) -> Option<String> {
        self.is_enabled()
            .then(|| self.challenge(ChallengePurpose::Registration, sid))
    }

    /// Whether new sessions are bound.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        match self.policy.binding {
            DeviceBinding::Off => false,
            DeviceBinding::Prefer => !self.has_other_origins,
            DeviceBinding::Require => true,
        }
    }

    /// Returns the challenge that the browser signs to renew its proof.
    #[must_use]
    pub fn refresh_challenge(&self, sid: &str) -> String {
        self.challenge(ChallengePurpose::Refresh, sid)
    }

    fn challenge(&self, purpose: ChallengePurpose, sid: &str) -> String {
        self.proofs.challenge(purpose, sid, self.clock.now())
    }

    /// Binds a session to the key in a device proof.
    pub async fn register(
        &self,
        id: &SessionId,
        session: &mut Arc<Session>,
        jwt: &str,
        client: &ClientInfo,
    ) -> Result<AcceptedProof, DeviceProofError> {
        if session.device.is_some() || !self.is_enabled() {
            return Err(DeviceProofError::NotExpected);
        }
        let registration = self.proofs.registration(jwt);
        let registration = registration.ok_or(DeviceProofError::Invalid)?;
        let challenge = &registration.challenge;
        self.consume_challenge(ChallengePurpose::Registration, &session.sid, challenge)
            .await?;
        let device = Device::new(registration.key, self.clock.now(), client);
        let bind = |newest: &mut Session| {
            newest.device.get_or_insert(device);
        };
        let is_there = self.sessions.change(id, session, bind).await?;
        let key = session.device.as_ref().map(|device| &device.key);
        if is_there && key == Some(&registration.key) {
            Ok(self.accepted(&session.sid, &registration.key))
        } else {
            // The session ended, or a concurrent registration was first.
            Err(DeviceProofError::OutdatedChallenge)
        }
    }

    /// Enforces the binding from now on, as the browser has received its proof cookie; returns whether the session is still there.
    pub async fn confirm(
        &self,
        id: &SessionId,
        session: &mut Arc<Session>,
        client: &ClientInfo,
    ) -> Result<bool, RecordsUnavailable> {
        let confirm = |newest: &mut Session| {
            if let Some(device) = &mut newest.device {
                device.is_confirmed = true;
            }
        };
        let is_there = self.sessions.change(id, session, confirm).await?;
        if is_there {
            let event = DeviceEvent::Bound;
            self.report_once(session, "bound", event, client).await?;
        }
        Ok(is_there)
    }

    /// Accepts a new proof of the registered key. Only the use of the challenge is recorded.
    pub async fn refresh(
        &self,
        session: &Session,
        jwt: &str,
    ) -> Result<AcceptedProof, DeviceProofError> {
        let device = session.device.as_ref();
        let device = device.ok_or(DeviceProofError::NotExpected)?;
        let challenge = self.proofs.refresh(jwt, &device.key);
        let challenge = challenge.ok_or(DeviceProofError::Invalid)?;
        self.consume_challenge(ChallengePurpose::Refresh, &session.sid, &challenge)
            .await?;
        Ok(self.accepted(&session.sid, &device.key))
    }

    fn accepted(&self, sid: &str, key: &DeviceKey) -> AcceptedProof {
        let until = self.clock.now() + PROOF_TTL;
        AcceptedProof {
            cookie: self.proofs.proof_cookie(sid, key, until),
            next_challenge: self.refresh_challenge(sid),
        }
    }

    /// Each challenge is accepted once, by any instance. An older one than the newest is accepted, too, as the response with the newest
    /// may be on its way.
    async fn consume_challenge(
        &self,
        purpose: ChallengePurpose,
        sid: &str,
        challenge: &str,
    ) -> Result<(), DeviceProofError> {
        let Challenge { made_at, name } = self
            .proofs
            .open_challenge(purpose, sid, challenge)
            .ok_or(DeviceProofError::Invalid)?;
        let (now, window) = (self.clock.now(), purpose.window());
        let is_in_time = made_at <= now + SKEW && now < made_at + window;
        if !is_in_time {
            return Err(DeviceProofError::OutdatedChallenge);
        }
        let inserted = self
            .replay_cache
            .insert_if_new(&name, sid, window + SKEW * 2);
        if inserted.await.map_err(RecordsUnavailable::from)? {
            Ok(())
        } else {
            Err(DeviceProofError::OutdatedChallenge)
        }
    }

    /// What a request with this session's cookie, and perhaps a proof cookie, shows of the bound device.
    #[must_use]
    pub fn proof_status(&self, session: &Session, proof_cookie: Option<&str>) -> DeviceProofStatus {
        use DeviceProofStatus::{Expired, FirstProof, Missing, Sufficient, Unbound};
        let now = self.clock.now();
        let status = match (&session.device, self.policy.binding) {
            (_, DeviceBinding::Off) => return Sufficient,
            (Some(device), _) => {
                match self.cookie_status(&session.sid, device, proof_cookie, now) {
                    Sufficient if !device.is_confirmed => FirstProof,
                    Missing | Expired if !device.is_confirmed => Unbound,
                    status => status,
                }
            }
            (None, _) => Unbound,
        };
        let may_be_unbound =
            self.policy.binding == DeviceBinding::Prefer || now < session.created_at + GRACE;
        if status == Unbound && may_be_unbound {
            Sufficient
        } else {
            status
        }
    }

    fn cookie_status(
        &self,
        sid: &str,
        device: &Device,
        proof_cookie: Option<&str>,
        now: OffsetDateTime,
    ) -> DeviceProofStatus {
        let until =
            proof_cookie.and_then(|value| self.proofs.open_proof_cookie(sid, &device.key, value));
        match until {
            Some(until) if now < until => DeviceProofStatus::Sufficient,
            Some(until) if now >= until + SKEW => DeviceProofStatus::Expired,
            _ => DeviceProofStatus::Missing,
        }
    }

    /// Reports a session cookie that came without the required proof, where that looks like a theft, and ends its login where that is
    /// certain and the policy says so. Where the browser explains the missing proof, a changed device is not reported.
    pub async fn report_possible_theft(
        &self,
        session: &Session,
        status: DeviceProofStatus,
        is_explained: bool,
        client: &ClientInfo,
    ) -> Result<(), RecordsUnavailable> {
        let device = session.device.as_ref();
        let similarity = device.map_or(DeviceSimilarity::Same, |device| device.similarity(client));
        let is_certain =
            status == DeviceProofStatus::Expired || similarity == DeviceSimilarity::Another;
        if !is_certain && (similarity == DeviceSimilarity::Same || is_explained) {
            return Ok(());
        }
        let ends_login = is_certain && self.policy.on_theft == OnTheft::EndLogin;
        let event = DeviceEvent::TheftSuspected { ends_login };
        // An own name, so that an earlier report does not suppress the one that ends the login.
        let kind = if ends_login { "stolen" } else { "theft" };
        self.report_once(session, kind, event, client).await
    }

    /// Reports a device proof that was refused.
    pub async fn report_refused_proof(
        &self,
        session: &Session,
        client: &ClientInfo,
    ) -> Result<(), RecordsUnavailable> {
        let event = DeviceEvent::ProofRefused;
        self.report_once(session, "refused", event, client).await
    }

    async fn report_once(
        &self,
        session: &Session,
        kind: &str,
        event: DeviceEvent,
        client: &ClientInfo,
    ) -> Result<(), RecordsUnavailable> {
        let name = format!("{kind}:{}", session.sid);
        if self
            .replay_cache
            .insert_if_new(&name, &session.sid, REPORT_INTERVAL)
            .await?
        {
            self.reports.report_device(DeviceReport {
                refresh_token: session.refresh_token.clone(),
                event,
                client: client.clone(),
            });
        }
        Ok(())
    }
}
