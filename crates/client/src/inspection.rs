//! Inspection of each instance of auth-service, for the diagnosis of an installation.

use std::{future::Future, time::Duration};

use futures_util::future::try_join_all;
use holdfast_core::clock::Clock;
use holdfast_tls::TlsMaterial;
use prost_types::Timestamp;
use time::OffsetDateTime;
use tokio::time::timeout;
use url::Url;

use crate::{AuthClient, AuthConfig, ConfigError, Jwks, transport::endpoints::probe};

/// Deadline of each question.
const DEADLINE: Duration = Duration::from_secs(2);
/// The number of messages of the revocation stream that are read for the time that one has.
const MESSAGES: usize = 3;

/// A time of a peer, and the own time before and after the question.
pub type ClockReading = (OffsetDateTime, (OffsetDateTime, OffsetDateTime));

/// What one instance answered.
#[derive(Debug)]
pub struct InstanceFacts {
    /// Its address, as configured.
    pub url: Url,
    /// Whether it answers a call without a service identity; the error is the cause in words.
    pub answer: Result<(), String>,
    /// Its issuer and its published keys; the error is the cause in words.
    pub jwks: Result<Jwks, String>,
    /// Whether it opens a revocation stream, which only web-service may do, and the time that the stream told; the error is the cause in
    /// words.
    pub identity: Result<Option<ClockReading>, String>,
}

/// Asks each instance by itself.
///
/// # Errors
/// When the addresses, the secret or the certificates cannot be used.
pub async fn inspect(
    config: &AuthConfig,
    clock: &dyn Clock,
) -> Result<Vec<InstanceFacts>, ConfigError> {
    let tls = TlsMaterial::load(&config.tls).map_err(ConfigError::TlsFiles)?;
    let instances = config.urls.iter();
    try_join_all(instances.map(|url| inspect_one(config, url, &tls, clock))).await
}

async fn inspect_one(
    config: &AuthConfig,
    url: &Url,
    tls: &TlsMaterial,
    clock: &dyn Clock,
) -> Result<InstanceFacts, ConfigError> {
    let client = AuthClient::new(&AuthConfig {
        urls: vec![url.clone()],
        tls: config.tls.clone(),
        service_secret: config.service_secret.clone(),
    })?;
    let jwks = async { client.jwks().await.map_err(|error| error.to_string()) };
    let (answer, jwks, identity) = tokio::join!(
        in_time(probe(url, tls)),
        in_time(jwks),
        in_time(open_stream(&client, clock)),
    );
    Ok(InstanceFacts {
        url: url.clone(),
        answer,
        jwks,
        identity,
    })
}

async fn in_time<T>(answer: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let answer = timeout(DEADLINE, answer).await;
    answer.unwrap_or_else(|_elapsed| Err("no answer in time".to_owned()))
}

async fn open_stream(
    client: &AuthClient,
    clock: &dyn Clock,
) -> Result<Option<ClockReading>, String> {
    let stream = client.watch_revocations(String::new(), 0).await;
    let mut stream = stream.map_err(|error| error.to_string())?;
    for _ in 0..MESSAGES {
        let asked = clock.now();
        let message = stream.message().await;
        let message = message.map_err(|status| status.message().to_owned())?;
        let Some(message) = message else { break };
        if let Some(shown) = message.issuer_time.and_then(time_of) {
            return Ok(Some((shown, (asked, clock.now()))));
        }
    }
    Ok(None)
}

fn time_of(timestamp: Timestamp) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(timestamp.seconds).ok()
}
