//! Inspection of each instance of auth-service, for the diagnosis of an installation.

use std::{future::Future, pin::Pin, time::Duration};

use auth_proto::v1::WatchRevocationsResponse;
use futures_util::{Stream, StreamExt as _, future::try_join_all};
use holdfast_core::clock::{Clock, ClockReading};
use holdfast_tls::TlsMaterial;
use prost_types::Timestamp;
use time::OffsetDateTime;
use tokio::time::timeout;
use tonic::Status;
use url::Url;

use crate::{
    AuthClient, AuthConfig, ConfigError, Jwks,
    transport::{endpoints::probe, retry_policy::READ},
};

/// Deadline of each call.
const DEADLINE: Duration = Duration::from_secs(2);
/// What one instance answered.
#[derive(Debug)]
pub struct InstanceFacts {
    /// Its address, as configured.
    pub url: Url,
    /// Whether it answers a call without a service identity; the error is the cause in words.
    pub answer: Result<(), String>,
    /// Its issuer and its published keys; the error is the cause in words.
    pub jwks: Result<Jwks, String>,
    /// Whether it opens a revocation stream, which only web-service may do; the error is the cause in words.
    pub identity: Result<(), String>,
    /// Its clock, of which the stream carries the time when all revocations are transferred; `None` where they took too long.
    pub clock: Option<ClockReading>,
}

/// Calls each instance by itself.
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
    let (answer, jwks, (identity, clock)) = tokio::join!(
        in_time(probe(url, tls)),
        in_time(jwks),
        read_stream(&client, clock),
    );
    Ok(InstanceFacts {
        url: url.clone(),
        answer,
        jwks,
        identity,
        clock,
    })
}

async fn in_time<T>(answer: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let answer = timeout(DEADLINE, answer).await;
    answer.unwrap_or_else(|_elapsed| Err("no answer in time".to_owned()))
}

/// Whether the instance opens a stream, and its clock.
async fn read_stream(
    client: &AuthClient,
    clock: &dyn Clock,
) -> (Result<(), String>, Option<ClockReading>) {
    // An instance that rejects the caller may do so in place of the first message.
    let opened = async {
        let stream = client.watch_revocations(String::new(), 0, READ).await;
        let mut stream = stream.map_err(|error| error.to_string())?.peekable();
        match Pin::new(&mut stream).peek().await {
            Some(Err(status)) => Err(status.message().to_owned()),
            Some(Ok(_)) | None => Ok(stream),
        }
    };
    match in_time(opened).await {
        Ok(stream) => {
            let reading = timeout(DEADLINE, first_time(stream, clock)).await;
            (Ok(()), reading.ok().flatten())
        }
        Err(why) => (Err(why), None),
    }
}

/// The time of the first message that has one: that after which no revocations are left to be transferred.
async fn first_time(
    mut messages: impl Stream<Item = Result<WatchRevocationsResponse, Status>> + Unpin,
    clock: &dyn Clock,
) -> Option<ClockReading> {
    loop {
        let sent_at = clock.now();
        let message = messages.next().await?.ok()?;
        if let Some(peer) = message.issuer_time.and_then(time_of) {
            return Some(ClockReading {
                peer,
                sent_at,
                received_at: clock.now(),
            });
        }
    }
}

fn time_of(timestamp: Timestamp) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(timestamp.seconds).ok()
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use holdfast_core::clock::ManualClock;

    use super::*;

    #[tokio::test]
    async fn clock_is_read_after_any_number_of_revocations() {
        let clock = ManualClock::default();
        let seconds = clock.now().unix_timestamp() + 7;
        let part = WatchRevocationsResponse::default();
        let last = WatchRevocationsResponse {
            issuer_time: Some(Timestamp { seconds, nanos: 0 }),
            ..part.clone()
        };
        let messages = [vec![part; 100], vec![last]].concat();
        let reading = first_time(stream::iter(messages.into_iter().map(Ok)), &clock).await;
        assert_eq!(reading.unwrap().difference(), time::Duration::seconds(7));
        let none = first_time(stream::iter(Vec::new()), &clock).await;
        assert_eq!(none, None);
    }
}
