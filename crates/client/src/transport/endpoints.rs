//! The instances of auth-service, each over two HTTP/2 connections and behind a breaker of its own.

use std::{
    future::Future,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use auth_proto::v1::{GetJwksRequest, auth_service_client::AuthServiceClient};
use holdfast_circuit_breaker::{CircuitBreaker, Probe};
use holdfast_core::rate_limited_log::LogRateLimiter;
use holdfast_tls::TlsMaterial;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout, timeout_at},
};
use tonic::{
    Response, Status,
    transport::{Channel, Endpoint},
};

use crate::{
    auth::AuthError,
    config::AuthConfig,
    decode::{self, CallOutcome},
    endpoint::endpoint,
};

/// How often it is tried whether an instance accepts a new certificate, and how long each time.
const TRY_AGAIN: Duration = Duration::from_secs(1);

static NOT_ACCEPTED: LogRateLimiter = LogRateLimiter::new();

/// How hard to try for an answer.
#[derive(Clone, Copy)]
pub(super) struct RetryPolicy {
    /// For all tries together, setting up connections included.
    pub(super) deadline: Duration,
    /// Whether another instance may be asked when it is not known what became of the first try.
    pub(super) repeat: bool,
    /// Which connection it takes.
    pub(super) lane: Lane,
}

/// A connection carries only so many calls at once. Those that may wait long have one of their own, so that the others do not wait
/// for them.
#[derive(Clone, Copy)]
pub(super) enum Lane {
    /// For what is answered at once.
    Quick,
    /// For what has a password checked.
    Passwords,
}

/// All instances. Clones are the same ones.
#[derive(Clone)]
pub(super) struct Endpoints {
    all: Arc<[AuthEndpoint]>,
    turn: Arc<AtomicUsize>,
    /// Changes when an instance got another connection.
    replaced: watch::Sender<()>,
}

#[derive(Clone)]
struct AuthEndpoint {
    url: Arc<str>,
    connections: Connections,
    breaker: CircuitBreaker,
}

/// The connections that calls go over. Others may take their place, while calls that are under way finish on the old ones. Clones
/// are the same.
#[derive(Clone)]
struct Connections(Arc<RwLock<Channels>>);

#[derive(Clone)]
struct Channels {
    quick: Channel,
    passwords: Channel,
}

impl Channels {
    /// Connects at the first call.
    fn to(endpoint: &Endpoint) -> Self {
        Self {
            quick: endpoint.connect_lazy(),
            passwords: endpoint.connect_lazy(),
        }
    }
}

impl Endpoints {
    /// Connects at the first call.
    pub(super) fn new(config: &AuthConfig, tls: &TlsMaterial) -> anyhow::Result<Self> {
        let instance = |url: &url::Url| AuthEndpoint::new(url.as_str(), tls);
        Ok(Self {
            all: config
                .urls
                .iter()
                .map(instance)
                .collect::<anyhow::Result<_>>()?,
            turn: Arc::default(),
            replaced: watch::Sender::default(),
        })
    }

    /// Asks one instance after the other until one answers, within `deadline` for all of it. What changes something is not
    /// sent again once it may have arrived.
    pub(super) async fn call<T, Answer>(
        &self,
        RetryPolicy {
            deadline,
            repeat,
            lane,
        }: RetryPolicy,
        ask: impl Fn(Channel) -> Answer,
    ) -> Result<T, AuthError>
    where
        Answer: Future<Output = Result<Response<T>, Status>>,
    {
        let there: Vec<_> = self
            .in_turn()
            .filter(|one| !one.breaker.is_open())
            .collect();
        let tries = if repeat { there.len().max(1) } else { 1 };
        let each = deadline / u32::try_from(tries).unwrap_or(u32::MAX);
        let last = Instant::now() + deadline;
        for instance in there {
            let until = last.min(Instant::now() + each);
            let classify_status =
                match timeout_at(until, ask(instance.connections.channel(lane))).await {
                    Ok(Ok(response)) => return Ok(response.into_inner()),
                    Ok(Err(status)) => decode::classify_status(&status),
                    Err(_elapsed) => CallOutcome::nothing("no answer in time"),
                };
            match classify_status {
                CallOutcome::Answer(error) => return Err(error),
                CallOutcome::Nothing { why, was_sent } => {
                    instance.breaker.open(&why);
                    if was_sent && !repeat {
                        break;
                    }
                }
            }
        }
        Err(decode::unreachable())
    }

    /// Every instance once, each call beginning with another one.
    fn in_turn(&self) -> impl Iterator<Item = &AuthEndpoint> {
        let first = self.turn.fetch_add(1, Ordering::Relaxed) % self.all.len();
        let (before, after) = self.all.split_at(first);
        after.iter().chain(before)
    }

    /// Whether connections could be made with this.
    ///
    /// # Errors
    /// When not.
    pub(super) fn check(&self, tls: &TlsMaterial) -> anyhow::Result<()> {
        for instance in &*self.all {
            endpoint(&instance.url, tls)?;
        }
        Ok(())
    }

    /// What changes when an instance got another connection: calls that last should move to it.
    pub(super) fn replaced(&self) -> watch::Receiver<()> {
        self.replaced.subscribe()
    }

    /// Gives each instance a new connection whenever `tls` changes. Other authorities count at once. Another certificate of this service
    /// alone is used as soon as the instance accepts it, so that nothing is lost where that comes to know its authority later.
    pub(super) async fn follow(&self, mut tls: watch::Receiver<TlsMaterial>) {
        let authorities = |material: &TlsMaterial| {
            let authorities = material.authorities.as_ref();
            authorities.map(|authorities| authorities.pem.clone())
        };
        let mut trusted = authorities(&tls.borrow_and_update());
        // What is under way ends with the set when the next change comes.
        let mut _replacing = JoinSet::new();
        while tls.changed().await.is_ok() {
            let material = tls.borrow_and_update().clone();
            let now_trusted = authorities(&material);
            let is_at_once = now_trusted != trusted;
            trusted = now_trusted;
            let mut tasks = JoinSet::new();
            for instance in &*self.all {
                let Ok(endpoint) = endpoint(&instance.url, &material) else {
                    continue;
                };
                let (instance, replaced) = (instance.clone(), self.replaced.clone());
                tasks.spawn(async move {
                    instance.replace(Channels::to(&endpoint), is_at_once).await;
                    replaced.send_replace(());
                });
            }
            _replacing = tasks;
        }
    }
}

impl AuthEndpoint {
    fn new(url: &str, tls: &TlsMaterial) -> anyhow::Result<Self> {
        let channels = Channels::to(&endpoint(url, tls)?);
        let connections = Connections(Arc::new(RwLock::new(channels)));
        Ok(Self {
            url: url.into(),
            breaker: CircuitBreaker::new(
                format!("auth-service at {url}"),
                probe(connections.clone()),
            ),
            connections,
        })
    }

    /// Uses `channels` from now on; unless it has to be at once, not before the instance answers on it, or on the old one no more.
    async fn replace(&self, channels: Channels, is_at_once: bool) {
        while !is_at_once && !self.breaker.is_open() {
            let answer = timeout(TRY_AGAIN, ask(channels.quick.clone())).await;
            let why = match answer {
                Ok(Ok(())) => break,
                Ok(Err(why)) => why,
                Err(_elapsed) => "no answer in time".to_owned(),
            };
            NOT_ACCEPTED.log(|times| {
                tracing::warn!(
                    url = &*self.url,
                    why,
                    times,
                    "auth-service does not accept the changed certificate; the old connection stays"
                );
            });
            sleep(TRY_AGAIN).await;
        }
        self.connections.replace(channels);
        tracing::info!(
            url = &*self.url,
            "auth-service is connected to with the changed certificate"
        );
    }
}

impl Connections {
    fn channel(&self, lane: Lane) -> Channel {
        let channels = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match lane {
            Lane::Quick => channels.quick.clone(),
            Lane::Passwords => channels.passwords.clone(),
        }
    }

    fn replace(&self, channels: Channels) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = channels;
    }
}

/// Asks for what every instance answers out of its memory.
fn probe(connections: Connections) -> Probe {
    Box::new(move || Box::pin(ask(connections.channel(Lane::Quick))))
}

async fn ask(channel: Channel) -> Result<(), String> {
    let mut client = AuthServiceClient::new(channel);
    let Err(status) = client.get_jwks(GetJwksRequest {}).await else {
        return Ok(());
    };
    match decode::classify_status(&status) {
        CallOutcome::Answer(_) => Ok(()),
        CallOutcome::Nothing { why, .. } => Err(why),
    }
}
