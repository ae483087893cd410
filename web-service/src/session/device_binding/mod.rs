//! Binding browser sessions to devices, and asking for the proof again: a cookie alone is then of no use to a thief.

use std::{sync::Arc, time::Duration};

use holdfast_client::{ClientInfo, DeviceEvent, DeviceReport, RetryQueue};
use holdfast_core::{clock::Clock, replay_cache::ReplayCache};
use time::OffsetDateTime;

use crate::session::{
    browser_session::Session,
    device::{
        Challenge, Device, DeviceKey, DeviceProofCodec, DeviceSimilarity, PROOF_TTL, Purpose,
    },
    session_id::SessionId,
    sessions::{RecordsUnavailable, Sessions},
};

/// How far the clocks of instances, and those of browsers, may differ.
const SKEW: Duration = Duration::from_secs(30);

/// How long a session may be without a device where one is required.
const GRACE: Duration = Duration::from_mins(1);

/// The audit trail has one event of a kind for a session in this time, however often somebody tries.
const TOLD_AGAIN_AFTER: Duration = Duration::from_mins(1);

/// Whether sessions are bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceBinding {
    /// They are not, and what was bound before counts as if it were not.
    Off,
    /// Where the browser can.
    Prefer,
    /// Always: a browser that cannot is refused.
    Require,
}

/// What happens to a login whose cookie was most likely stolen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnTheft {
    /// The audit trail says so.
    Report,
    /// It ends, too.
    EndLogin,
}

/// What the operator decided.
#[derive(Clone, Copy, Debug)]
pub struct BindingPolicy {
    /// Whether sessions are bound.
    pub binding: DeviceBinding,
    /// What happens at a theft.
    pub on_theft: OnTheft,
}

/// What a request with a session's cookie shows of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceProofStatus {
    /// Enough.
    Enough,
    /// Its proof, for the first time: from now on nothing less will do.
    First,
    /// No proof, though the session is bound. That alone says nothing bad: the browser may not have been asked.
    Nothing,
    /// A proof of this very session that has been over for a while: browsers throw it away in time, copies stay.
    Stale,
    /// The session is not bound, has had its time, and has to be.
    Unbound,
}

/// What a browser gets for a good proof.
#[derive(Debug)]
pub struct Renewed {
    /// For the proof cookie.
    pub ticket: String,
    /// For the next time.
    pub challenge: String,
}

/// Why a proof was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ProofRefused {
    /// It is none, or not for this session.
    #[error("the proof does not hold")]
    Wrong,
    /// The session's own key signed a challenge of ours that is too old, or was used before. Honest browsers do, after a pause
    /// or a lost answer.
    #[error("the challenge is out of date")]
    OutOfDate,
    /// The session is bound already, or bound to nothing, or sessions are not bound at all.
    #[error("there is nothing to prove")]
    Pointless,
    /// It could not be told now.
    #[error(transparent)]
    Unavailable(#[from] RecordsUnavailable),
}

/// Binds sessions and judges proofs.
#[derive(Clone)]
pub struct DeviceBindings {
    /// What the operator decided.
    pub policy: BindingPolicy,
    /// Challenges, proofs and tickets.
    pub proofs: Arc<dyn DeviceProofCodec>,
    /// Whether there are applications at other origins, whose requests browsers do not renew the proof for.
    pub has_other_origins: bool,
    /// Challenges that were used, and reports that were sent.
    pub replay_cache: Arc<dyn ReplayCache>,
    /// Where sessions are kept.
    pub sessions: Sessions,
    /// Who is told.
    pub reports: RetryQueue,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl DeviceBindings {
    /// The challenge that invites a browser to make a key, right after its owner proved who they are: later, whoever has the
    /// cookie could make it theirs.
    #[must_use]
    pub fn registration_challenge(&self, sid: &str) -> Option<String> {
        self.invites().then(|| self.challenge(Purpose::Bind, sid))
    }

    /// Whether sessions are bound at all.
    #[must_use]
    pub fn invites(&self) -> bool {
        match self.policy.binding {
            DeviceBinding::Off => false,
            DeviceBinding::Prefer => !self.has_other_origins,
            DeviceBinding::Require => true,
        }
    }

    /// A challenge for a fresh proof.
    #[must_use]
    pub fn refresh_challenge(&self, sid: &str) -> String {
        self.challenge(Purpose::Renew, sid)
    }

    fn challenge(&self, purpose: Purpose, sid: &str) -> String {
        self.proofs.challenge(purpose, sid, self.clock.now())
    }

    /// Binds a session to the key that a proof brings along.
    pub async fn bind(
        &self,
        id: &SessionId,
        session: &mut Arc<Session>,
        jwt: &str,
        client: &ClientInfo,
    ) -> Result<Renewed, ProofRefused> {
        if session.device.is_some() || !self.invites() {
            return Err(ProofRefused::Pointless);
        }
        let registration = self.proofs.registration(jwt).ok_or(ProofRefused::Wrong)?;
        self.use_up(Purpose::Bind, &session.sid, &registration.challenge)
            .await?;
        let device = Device {
            key: registration.key,
            bound_at: self.clock.now(),
            ip_address: client.ip_address,
            user_agent: client.user_agent.clone(),
            is_confirmed: false,
        };
        let bind = |newest: &mut Session| {
            newest.device.get_or_insert(device);
        };
        let is_there = self.sessions.change(id, session, bind).await?;
        let key = session.device.as_ref().map(|device| &device.key);
        if is_there && key == Some(&registration.key) {
            Ok(self.renewed(&session.sid, &registration.key))
        } else {
            // It ended, or another key was first.
            Err(ProofRefused::OutOfDate)
        }
    }

    /// Takes nothing less from now on: the browser knows that its session is bound. Says whether the session is there.
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

    /// Takes a fresh proof of a session's key. Nothing is written but that the challenge was used.
    pub async fn renew(&self, session: &Session, jwt: &str) -> Result<Renewed, ProofRefused> {
        let device = session.device.as_ref().ok_or(ProofRefused::Pointless)?;
        let challenge = self.proofs.renewal(jwt, &device.key);
        let challenge = challenge.ok_or(ProofRefused::Wrong)?;
        self.use_up(Purpose::Renew, &session.sid, &challenge)
            .await?;
        Ok(self.renewed(&session.sid, &device.key))
    }

    fn renewed(&self, sid: &str, key: &DeviceKey) -> Renewed {
        let until = self.clock.now() + PROOF_TTL;
        Renewed {
            ticket: self.proofs.ticket(sid, key, until),
            challenge: self.refresh_challenge(sid),
        }
    }

    /// Each challenge is good once, on whatever instance; the one before the newest, too, as an answer may be on its way.
    async fn use_up(
        &self,
        purpose: Purpose,
        sid: &str,
        challenge: &str,
    ) -> Result<(), ProofRefused> {
        let Challenge { made_at, name } = self
            .proofs
            .open_challenge(purpose, sid, challenge)
            .ok_or(ProofRefused::Wrong)?;
        let (now, window) = (self.clock.now(), purpose.window());
        let is_in_time = made_at <= now + SKEW && now < made_at + window;
        if !is_in_time {
            return Err(ProofRefused::OutOfDate);
        }
        let inserted = self.replay_cache.insert_if_new(&name, window + SKEW * 2);
        if inserted.await.map_err(RecordsUnavailable::from)? {
            Ok(())
        } else {
            Err(ProofRefused::OutOfDate)
        }
    }

    /// What a request with this session's cookie, and perhaps with a ticket, shows.
    #[must_use]
    pub fn verify(&self, session: &Session, ticket: Option<&str>) -> DeviceProofStatus {
        let now = self.clock.now();
        let shown = match (&session.device, self.policy.binding) {
            (_, DeviceBinding::Off) => return DeviceProofStatus::Enough,
            (Some(device), _) => match self.judge_ticket(&session.sid, device, ticket, now) {
                DeviceProofStatus::Enough if !device.is_confirmed => DeviceProofStatus::First,
                DeviceProofStatus::Nothing | DeviceProofStatus::Stale if !device.is_confirmed => {
                    DeviceProofStatus::Unbound
                }
                shown => shown,
            },
            (None, _) => DeviceProofStatus::Unbound,
        };
        let may_be_unbound =
            self.policy.binding == DeviceBinding::Prefer || now < session.created_at + GRACE;
        if shown == DeviceProofStatus::Unbound && may_be_unbound {
            DeviceProofStatus::Enough
        } else {
            shown
        }
    }

    fn judge_ticket(
        &self,
        sid: &str,
        device: &Device,
        ticket: Option<&str>,
        now: OffsetDateTime,
    ) -> DeviceProofStatus {
        let until = ticket.and_then(|ticket| self.proofs.open_ticket(sid, &device.key, ticket));
        match until {
            Some(until) if now < until => DeviceProofStatus::Enough,
            Some(until) if now >= until + SKEW => DeviceProofStatus::Stale,
            _ => DeviceProofStatus::Nothing,
        }
    }

    /// Tells that a session's cookie came without the proof that it needs, where that looks like a theft. Where the browser says
    /// why there is none, a device that has merely changed is no thief's; and for less than a copy or another device no login
    /// ends.
    pub async fn report_possible_theft(
        &self,
        session: &Session,
        shown: DeviceProofStatus,
        is_explained: bool,
        client: &ClientInfo,
    ) -> Result<(), RecordsUnavailable> {
        let device = session.device.as_ref();
        let similarity = device.map_or(DeviceSimilarity::Same, |device| device.similarity(client));
        let is_certain =
            shown == DeviceProofStatus::Stale || similarity == DeviceSimilarity::Another;
        if !is_certain && (similarity == DeviceSimilarity::Same || is_explained) {
            return Ok(());
        }
        let ends_login = is_certain && self.policy.on_theft == OnTheft::EndLogin;
        let event = DeviceEvent::TheftSuspected { ends_login };
        // What ends a login is not left out because something lesser was told.
        let kind = if ends_login { "stolen" } else { "theft" };
        self.report_once(session, kind, event, client).await
    }

    /// Tells that a proof was refused.
    pub async fn refused(
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
            .insert_if_new(&name, TOLD_AGAIN_AFTER)
            .await?
        {
            self.report(session, event, client);
        }
        Ok(())
    }

    fn report(&self, session: &Session, event: DeviceEvent, client: &ClientInfo) {
        self.reports.report_device(DeviceReport {
            refresh_token: session.refresh_token.clone(),
            event,
            client: client.clone(),
        });
    }
}
