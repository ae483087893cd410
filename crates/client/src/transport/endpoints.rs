//! The endpoints of auth-service: one for each instance, with a circuit breaker of its own.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use holdfast_circuit_breaker::{CircuitBreaker, PeerKind};
use holdfast_core::rate_limited_log::LogRateLimiter;
use holdfast_tls::TlsMaterial;
use holdfast_trace::child_span;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout, timeout_at},
};
use tonic::{Response, Status, transport::Channel};
use tracing::Instrument as _;
use url::Url;

use crate::{
    config::ConfigError,
    error::AuthError,
    transport::{
        connections::{Channels, Connections},
        endpoint::endpoint,
        retry_policy::RetryPolicy,
        status::{self, CallOutcome},
    },
};

/// Interval between two attempts to use a changed certificate, and the deadline of each.
const REPLACE_RETRY: Duration = Duration::from_secs(1);

static NOT_ACCEPTED: LogRateLimiter = LogRateLimiter::new("auth_connection.certificate_refused");

/// Asks the instance at `url` over a connection of its own.
///
/// # Errors
/// Why it does not answer, in words.
pub(crate) async fn probe(url: &Url, tls: &TlsMaterial) -> Result<(), String> {
    let endpoint = endpoint(url.as_str(), tls).map_err(|error| error.to_string())?;
    Channels::to(&endpoint).probe().await
}

/// All endpoints. Clones share them.
#[derive(Clone)]
pub(crate) struct Endpoints {
    all: Arc<[AuthEndpoint]>,
    /// Number of calls so far; it selects the endpoint of the next one.
    calls: Arc<AtomicUsize>,
    replaced: watch::Sender<()>,
}

#[derive(Clone)]
struct AuthEndpoint {
    url: Arc<str>,
    connections: Connections,
    breaker: CircuitBreaker,
}

impl Endpoints {
    /// Endpoints at these addresses, which connect at the first call.
    pub(crate) fn new(urls: &[Url], tls: &TlsMaterial) -> Result<Self, ConfigError> {
        if urls.is_empty() {
            return Err(ConfigError::NoUrl);
        }
        let endpoint = |url: &Url| AuthEndpoint::new(url.as_str(), tls);
        Ok(Self {
            all: urls.iter().map(endpoint).collect::<Result<_, _>>()?,
            calls: Arc::default(),
            replaced: watch::Sender::default(),
        })
    }

    /// Sends a call to one endpoint after the other until one answers. A call that must not be repeated is not sent again once it
    /// may have arrived.
    pub(crate) async fn call<T, Answer>(
        &self,
        policy: RetryPolicy,
        call: impl Fn(Channel) -> Answer,
    ) -> Result<T, AuthError>
    where
        Answer: Future<Output = Result<Response<T>, Status>>,
    {
        let available: Vec<_> = self
            .rotated()
            .filter(|endpoint| !endpoint.breaker.is_open())
            .collect();
        let attempts = if policy.repeat {
            available.len().max(1)
        } else {
            1
        };
        let attempt_deadline = policy.deadline / u32::try_from(attempts).unwrap_or(u32::MAX);
        let last = Instant::now() + policy.deadline;
        for endpoint in available {
            let until = last.min(Instant::now() + attempt_deadline);
            let span = child_span!(
                "auth-service call",
                otel.kind = "client",
                server.address = &*endpoint.url
            );
            let response = call(endpoint.connections.channel(policy.lane)).instrument(span);
            let response = timeout_at(until, response).await;
            let outcome = match response {
                Ok(Ok(response)) => return Ok(response.into_inner()),
                Ok(Err(status)) => status::classify_status(&status),
                Err(_elapsed) => CallOutcome::timed_out(),
            };
            match outcome {
                CallOutcome::Answer(error) => return Err(error),
                CallOutcome::NoAnswer { cause, was_sent } => {
                    endpoint.breaker.open(&cause);
                    if !policy.may_repeat(was_sent) {
                        break;
                    }
                }
            }
        }
        Err(status::unreachable())
    }

    /// Every endpoint once; each call begins with the next one.
    fn rotated(&self) -> impl Iterator<Item = &AuthEndpoint> {
        let first = self.calls.fetch_add(1, Ordering::Relaxed) % self.all.len();
        let (before, after) = self.all.split_at(first);
        after.iter().chain(before)
    }

    /// Whether connections can be configured with `tls`.
    pub(crate) fn check(&self, tls: &TlsMaterial) -> Result<(), ConfigError> {
        for one in &*self.all {
            endpoint(&one.url, tls)?;
        }
        Ok(())
    }

    /// Changes when an endpoint got a new connection, to which streams should move.
    pub(crate) fn replaced(&self) -> watch::Receiver<()> {
        self.replaced.subscribe()
    }

    /// Replaces the connections whenever `tls` changes. Changed authorities apply at once. A changed client certificate alone is used
    /// as soon as the instance accepts it, so that no call fails where the instance receives its authority later.
    pub(crate) async fn follow(&self, mut tls: watch::Receiver<TlsMaterial>) {
        let authorities = |material: &TlsMaterial| {
            let authorities = material.authorities.as_ref();
            authorities.map(|authorities| authorities.pem.clone())
        };
        let mut trusted = authorities(&tls.borrow_and_update());
        // Replacements in progress are aborted with the set when the next change comes.
        let mut _replacing = JoinSet::new();
        while tls.changed().await.is_ok() {
            let material = tls.borrow_and_update().clone();
            let now_trusted = authorities(&material);
            let is_immediate = now_trusted != trusted;
            trusted = now_trusted;
            let mut tasks = JoinSet::new();
            for one in &*self.all {
                let Ok(endpoint) = endpoint(&one.url, &material) else {
                    continue;
                };
                let (one, replaced) = (one.clone(), self.replaced.clone());
                tasks.spawn(async move {
                    one.replace(Channels::to(&endpoint), is_immediate).await;
                    replaced.send_replace(());
                });
            }
            _replacing = tasks;
        }
    }
}

impl AuthEndpoint {
    fn new(url: &str, tls: &TlsMaterial) -> Result<Self, ConfigError> {
        let connections = Connections::new(Channels::to(&endpoint(url, tls)?));
        let breaker = CircuitBreaker::new(
            PeerKind::AuthService,
            format!("auth-service at {url}"),
            connections.breaker_probe(),
        );
        Ok(Self {
            url: url.into(),
            connections,
            breaker,
        })
    }

    /// Uses `channels` for further calls. Unless that has to be immediate, waits until the instance answers on them, or does not
    /// answer on the current ones either.
    async fn replace(&self, channels: Channels, is_immediate: bool) {
        while !is_immediate && !self.breaker.is_open() {
            let answer = timeout(REPLACE_RETRY, channels.probe()).await;
            let why = match answer {
                Ok(Ok(())) => break,
                Ok(Err(cause)) => cause,
                Err(_elapsed) => "no answer in time".to_owned(),
            };
            NOT_ACCEPTED.log(|times| {
                tracing::warn!(
                    event = "auth_connection.certificate_refused",
                    url = &*self.url,
                    why,
                    times,
                    "auth-service does not accept the changed client certificate; keeping the current connection"
                );
            });
            sleep(REPLACE_RETRY).await;
        }
        self.connections.replace(channels);
        tracing::info!(
            event = "auth_connection.replaced",
            url = &*self.url,
            "new connections to auth-service use the changed certificates"
        );
    }
}
