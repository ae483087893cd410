//! Follows the ends of logins that auth-service tells, and remembers them.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

use auth_proto::v1::{Revocation, WatchRevocationsResponse, revocation::Revoked};
use holdfast_core::{clock::Clock, rate_limited_log::LogRateLimiter, steady_clock::SteadyClock};
use prost_types::Timestamp;
use time::OffsetDateTime;
use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tonic::Streaming;

use crate::{
    auth::AuthError,
    read_your_writes::PendingRevocations,
    revocations::{CacheEpoch, LoginState, Named, Revocations},
    rpc::AuthClient,
};

/// A stream that says nothing for this long is dead; it should say something each second.
const MAX_SILENCE: Duration = Duration::from_secs(3);

/// How long a start waits for the first snapshot; an auth-service that is away must not keep this service from starting.
const FIRST_WORD: Duration = Duration::from_millis(100);

/// How far the services' clocks may differ without a warning, and how often that is repeated.
const MAX_SKEW: time::Duration = time::Duration::seconds(30);
const WARN_AGAIN_AFTER: Duration = Duration::from_mins(10);

/// Seconds between two looks for what may be forgotten.
const FORGET_AFTER: i64 = 60;

/// The pause before the stream is asked for anew; it doubles each time that this gives nothing.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

static REFUSALS: LogRateLimiter = LogRateLimiter::new();

/// Ended logins. Clones are the same knowledge.
#[derive(Clone)]
pub struct RevocationWatcher {
    known: Arc<RwLock<Known>>,
    heard: Arc<Notify>,
    /// By which ends are forgotten: where the clock leaps and comes back, what had ended must not have come back, too.
    steady: Arc<SteadyClock>,
    clock: Arc<dyn Clock>,
    max_staleness: Duration,
    acts: Arc<PendingRevocations>,
}

#[derive(Default)]
struct Known {
    ended: Ended,
    /// A snapshot that is still coming; what is known so far counts until it is complete.
    coming: Option<Ended>,
    last_message_at: Option<Instant>,
    /// What auth-service's clock showed, and the uptime of this service's clock then.
    issuer_time: Option<(OffsetDateTime, Duration)>,
    /// The uptime when it was last warned that the clocks differ; `None` while they agree.
    skew_warned_at: Option<Duration>,
    is_connected: bool,
    /// How many histories were heard of.
    epochs: u64,
}

/// What was told, of one history.
#[derive(Default)]
struct Ended {
    epoch: String,
    sequence: i64,
    forgotten_at: i64,
    /// When each may be forgotten, in seconds since 1970.
    logins: HashMap<Box<str>, i64>,
    tokens: HashMap<Box<str>, i64>,
    clients: HashMap<Box<str>, i64>,
    /// How many; the keys themselves are auth-service's to judge by.
    keys: u64,
}

impl RevocationWatcher {
    /// Knows nothing yet; `auth` tells. Cookies are judged by what is known until nothing was heard for `max_staleness`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, max_staleness: Duration, auth: &AuthClient) -> Self {
        Self::beside(clock, max_staleness, auth.acts())
    }

    fn beside(
        clock: Arc<dyn Clock>,
        max_staleness: Duration,
        acts: Arc<PendingRevocations>,
    ) -> Self {
        Self {
            known: Arc::default(),
            heard: Arc::default(),
            steady: Arc::new(SteadyClock::new(clock.clone())),
            clock,
            max_staleness,
            acts,
        }
    }

    /// Waits until something was heard, but not for long.
    pub async fn first_heard(&self) {
        let _ = timeout(FIRST_WORD, self.heard.notified()).await;
    }

    /// Follows until `shutdown`: asks anew whenever the stream ends, from where it ended.
    pub async fn follow(self, auth: AuthClient, shutdown: CancellationToken) {
        tokio::select! {
            () = self.follow_forever(&auth) => {}
            () = shutdown.cancelled() => {}
        }
    }

    async fn follow_forever(&self, auth: &AuthClient) {
        let mut pause = FIRST_PAUSE;
        loop {
            let before = self.known().last_message_at;
            self.follow_once(auth).await;
            self.change(|known| {
                known.is_connected = false;
                known.coming = None;
            });
            self.acts.heard(None);
            if self.known().last_message_at == before {
                pause = LONGEST_PAUSE.min(pause * 2);
            } else {
                pause = FIRST_PAUSE;
                tracing::warn!(
                    good_for = ?self.max_staleness,
                    "the ends of logins are not heard of; cookies are judged by what was heard"
                );
            }
            sleep(pause).await;
        }
    }

    async fn follow_once(&self, auth: &AuthClient) {
        let mut replaced = auth.replaced();
        let Some(mut stream) = self.open(auth).await else {
            return;
        };
        loop {
            tokio::select! {
                message = next(&mut stream) => match message {
                    Some(message) => self.take_in(message),
                    None => return,
                },
                // The old stream stays until there is a new one.
                Ok(()) = replaced.changed() => match self.open(auth).await {
                    Some(moved) => stream = moved,
                    None => return,
                },
            }
        }
    }

    /// Asks for what ended since what is known.
    async fn open(&self, auth: &AuthClient) -> Option<Streaming<WatchRevocationsResponse>> {
        let (epoch, sequence) = {
            let known = self.known();
            (known.ended.epoch.clone(), known.ended.sequence)
        };
        match auth.watch_revocations(epoch, sequence).await {
            Ok(stream) => Some(stream),
            // The breaker has said so.
            Err(AuthError::Unavailable { .. }) => None,
            Err(error) => {
                REFUSALS.log(|times| {
                    tracing::error!(%error, times, "auth-service does not tell the ends of logins; cookies cannot be judged");
                });
                None
            }
        }
    }

    fn take_in(&self, message: WatchRevocationsResponse) {
        let now = self.steady.now().unix_timestamp();
        let issuer_time = message.issuer_time.and_then(issuer_time);
        // It is by its clock that it says until when each counts.
        let now = issuer_time.map_or(now, |time| now.min(time.unix_timestamp()));
        let newest = message.current.then_some(message.newest);
        self.change(|known| {
            if !known.is_connected {
                known.is_connected = true;
                tracing::info!(epoch = message.epoch, "hearing of the ends of logins");
            }
            if message.snapshot {
                known.coming = Some(Ended {
                    epoch: message.epoch,
                    ..Ended::default()
                });
            }
            let told = known.coming.as_mut().unwrap_or(&mut known.ended);
            for revocation in message.revocations {
                told.note(revocation);
            }
            if message.current {
                if let Some(complete) = known.coming.take() {
                    known.epochs += u64::from(known.ended.epoch != complete.epoch);
                    known.ended.replace(complete);
                }
                known.last_message_at = Some(Instant::now());
                self.heard.notify_one();
                known.ended.forget(now);
                if let Some(time) = issuer_time {
                    self.compare_clocks(known, time);
                }
            }
        });
        if newest.is_some() {
            self.acts.heard(newest);
        }
    }

    fn compare_clocks(&self, known: &mut Known, issuer_time: OffsetDateTime) {
        let (clock, uptime) = (self.clock.now(), self.clock.uptime());
        known.issuer_time = Some((issuer_time, uptime));
        if (issuer_time - clock).abs() <= MAX_SKEW {
            known.skew_warned_at = None;
            return;
        }
        let warned_for = known
            .skew_warned_at
            .map(|warned_at| uptime.saturating_sub(warned_at));
        if warned_for.is_none_or(|since| since >= WARN_AGAIN_AFTER) {
            known.skew_warned_at = Some(uptime);
            tracing::warn!(
                event = "clock.skewed",
                %clock,
                %issuer_time,
                "the clocks of the two services differ by more than 30 seconds"
            );
        }
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known.write().unwrap_or_else(PoisonError::into_inner));
    }
}

fn issuer_time(time: Timestamp) -> Option<OffsetDateTime> {
    let seconds = OffsetDateTime::from_unix_timestamp(time.seconds).ok()?;
    seconds.checked_add(time::Duration::nanoseconds(time.nanos.into()))
}

/// `None` when the stream ended, failed or went silent.
async fn next(
    stream: &mut Streaming<WatchRevocationsResponse>,
) -> Option<WatchRevocationsResponse> {
    timeout(MAX_SILENCE, stream.message()).await.ok()?.ok()?
}

impl Ended {
    fn note(&mut self, revocation: Revocation) {
        self.sequence = self.sequence.max(revocation.sequence);
        let until = revocation.expires_at.map_or(i64::MAX, |time| time.seconds);
        match revocation.revoked {
            Some(Revoked::Sid(sid)) => drop(self.logins.insert(sid.into(), until)),
            Some(Revoked::Jti(jti)) => drop(self.tokens.insert(jti.into(), until)),
            Some(Revoked::ClientId(id)) => drop(self.clients.insert(id.into(), until)),
            Some(Revoked::Kid(_)) => self.keys += 1,
            None => {}
        }
    }

    /// What ended in this history has ended, whatever an instance that lags behind says.
    fn replace(&mut self, snapshot: Self) {
        if self.epoch == snapshot.epoch {
            self.sequence = self.sequence.max(snapshot.sequence);
            self.logins.extend(snapshot.logins);
            self.tokens.extend(snapshot.tokens);
            self.clients.extend(snapshot.clients);
            self.keys += snapshot.keys;
        } else {
            *self = snapshot;
        }
    }

    /// Now and then: each time all are looked at, and there may be a million.
    fn forget(&mut self, now: i64) {
        if now < self.forgotten_at + FORGET_AFTER {
            return;
        }
        self.forgotten_at = now;
        for ended in [&mut self.logins, &mut self.tokens, &mut self.clients] {
            ended.retain(|_, until| *until >= now);
        }
    }
}

impl Known {
    fn is_stale(&self, max_staleness: Duration) -> bool {
        self.last_message_at
            .is_none_or(|last_message_at| last_message_at.elapsed() > max_staleness)
    }
}

impl Revocations for RevocationWatcher {
    fn login(&self, sid: &str, epoch: &str) -> LoginState {
        let known = self.known();
        if known.ended.logins.contains_key(sid) && known.ended.epoch == epoch {
            LoginState::Ended
        } else if known.is_stale(self.max_staleness) {
            LoginState::Unknown
        } else if known.ended.epoch == epoch {
            LoginState::Live
        } else if known.is_connected && known.coming.is_none() {
            // A copy was restored, which knows nothing of this login.
            LoginState::Ended
        } else {
            LoginState::Unknown
        }
    }

    fn history(&self) -> Option<CacheEpoch> {
        let known = self.known();
        let is_fresh = known.is_connected && known.coming.is_none() && !known.is_stale(MAX_SILENCE);
        is_fresh.then_some(CacheEpoch {
            epoch: known.epochs,
            revoked_keys: known.ended.keys,
            own_acts: self.acts.unheard(),
        })
    }

    fn has_ended(&self, named: Named<'_>) -> bool {
        let ended = &self.known().ended;
        ended.logins.contains_key(named.sid)
            || ended.tokens.contains_key(named.jti)
            || ended.clients.contains_key(named.client_id)
    }

    fn issuer_now(&self) -> Option<OffsetDateTime> {
        let (time, uptime) = self.known().issuer_time?;
        time.checked_add(self.clock.uptime().saturating_sub(uptime).try_into().ok()?)
    }

    fn readiness(&self) -> Result<(), String> {
        if self.known().is_stale(self.max_staleness) {
            Err("the ends of logins are not heard of".to_owned())
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
