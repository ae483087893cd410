//! The instances of auth-service, each over one HTTP/2 connection and behind a breaker of its own.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use auth_proto::v1::{GetJwksRequest, auth_service_client::AuthServiceClient};
use secrecy::ExposeSecret as _;
use service_kit::breaker::{Breaker, Probe};
use tokio::time::{Instant, timeout_at};
use tonic::{
    Response, Status,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

use super::decode::{self, Heard};
use crate::{config::AuthConfig, domain::auth::AuthError};

/// Short enough for a second instance to answer within the deadline of a call.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
/// Often enough for a connection that lags behind to be given up soon: what is remembered of tokens lives by what it tells.
const KEEPALIVE: Duration = Duration::from_secs(1);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(1);

/// How hard to try for an answer.
#[derive(Clone, Copy)]
pub(super) struct Effort {
    /// For all tries together, setting up connections included.
    pub(super) deadline: Duration,
    /// Whether another instance may be asked when it is not known what became of the first try.
    pub(super) repeat: bool,
}

/// All instances. Clones are the same ones.
#[derive(Clone)]
pub(super) struct Instances {
    all: Arc<[Instance]>,
    turn: Arc<AtomicUsize>,
}

struct Instance {
    channel: Channel,
    breaker: Breaker,
}

impl Instances {
    /// Connects at the first call.
    pub(super) fn new(config: &AuthConfig) -> anyhow::Result<Self> {
        let tls = client_tls(config);
        let all = config
            .urls
            .iter()
            .map(|url| Instance::new(url.as_str(), &tls))
            .collect::<anyhow::Result<_>>()?;
        Ok(Self {
            all,
            turn: Arc::default(),
        })
    }

    /// Asks one instance after the other until one answers, within `deadline` for all of it. What changes something is not
    /// sent again once it may have arrived.
    pub(super) async fn call<T, Answer>(
        &self,
        Effort { deadline, repeat }: Effort,
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
            let heard = match timeout_at(until, ask(instance.channel.clone())).await {
                Ok(Ok(response)) => return Ok(response.into_inner()),
                Ok(Err(status)) => decode::heard(&status),
                Err(_elapsed) => Heard::nothing("no answer in time"),
            };
            match heard {
                Heard::Answer(error) => return Err(error),
                Heard::Nothing { why, was_sent } => {
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
    fn in_turn(&self) -> impl Iterator<Item = &Instance> {
        let first = self.turn.fetch_add(1, Ordering::Relaxed) % self.all.len();
        let (before, after) = self.all.split_at(first);
        after.iter().chain(before)
    }
}

impl Instance {
    fn new(url: &str, tls: &ClientTlsConfig) -> anyhow::Result<Self> {
        let channel = endpoint(url, tls)?.connect_lazy();
        Ok(Self {
            breaker: Breaker::new(format!("auth-service at {url}"), probe(channel.clone())),
            channel,
        })
    }
}

/// Asks for what every instance answers out of its memory.
fn probe(channel: Channel) -> Probe {
    Box::new(move || {
        let mut client = AuthServiceClient::new(channel.clone());
        Box::pin(async move {
            let Err(status) = client.get_jwks(GetJwksRequest {}).await else {
                return Ok(());
            };
            match decode::heard(&status) {
                Heard::Answer(_) => Ok(()),
                Heard::Nothing { why, .. } => Err(why),
            }
        })
    })
}

fn endpoint(url: &str, tls: &ClientTlsConfig) -> anyhow::Result<Endpoint> {
    let endpoint = Endpoint::from_shared(url.to_owned())
        .with_context(|| format!("WEB_AUTH_URL: {url}"))?
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .tcp_nodelay(true);
    if url.starts_with("https:") {
        return endpoint
            .tls_config(tls.clone())
            .context("WEB_AUTH_CA, WEB_AUTH_CERT or WEB_AUTH_KEY cannot be used");
    }
    Ok(endpoint)
}

fn client_tls(config: &AuthConfig) -> ClientTlsConfig {
    let mut tls = ClientTlsConfig::new();
    if let Some(authority) = &config.authority {
        tls = tls.ca_certificate(Certificate::from_pem(authority));
    }
    if let Some((certificate, key)) = &config.identity {
        tls = tls.identity(Identity::from_pem(certificate, key.expose_secret()));
    }
    tls
}
