//! `ValidateToken` calls, with a different token each time.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use auth_proto::v1::{ValidateTokenRequest, auth_service_client::AuthServiceClient};
use clap::Args;
use tokio::{task::JoinSet, time::Instant};
use tonic::transport::Channel;

use crate::{
    closed_loop::{ClosedLoop, join_all},
    latencies::Latencies,
    site::{Site, USERNAME},
};

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    site: Site,
    /// A file with one token on each line; they take requests
    #[arg(long)]
    tokens: PathBuf,
    /// Number of tokens that were used in earlier runs
    #[arg(long, default_value_t = 0)]
    skip: u64,
    /// Duration, in seconds
    #[arg(long)]
    seconds: u64,
    /// Number of connections
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Number of concurrent calls on each connection
    #[arg(long, default_value_t = 4)]
    streams: usize,
}

/// `COUNT ELAPSED P50 P99`
pub(crate) async fn run(options: Options) -> anyhow::Result<String> {
    let file = fs::read_to_string(&options.tokens)?;
    let tokens: Arc<[String]> = file.lines().map(str::to_owned).collect();
    ensure!(!tokens.is_empty(), "there are no tokens");
    let channels = options.site.connect(options.connections).await?;
    let begun = Instant::now();
    let requests = ClosedLoop::during(Duration::from_secs(options.seconds), options.skip);
    let mut tasks = JoinSet::new();
    for channel in channels {
        for _ in 0..options.streams {
            tasks.spawn(validate(channel.clone(), tokens.clone(), requests.clone()));
        }
    }
    let mut latencies = Latencies::default();
    for latencies_of_task in join_all(tasks).await? {
        latencies.merge(latencies_of_task);
    }
    Ok(latencies.sorted().within(begun.elapsed()))
}

async fn validate(
    channel: Channel,
    tokens: Arc<[String]>,
    requests: ClosedLoop,
) -> anyhow::Result<Latencies> {
    let mut client = AuthServiceClient::new(channel);
    let mut latencies = Latencies::default();
    while let Some(number) = requests.next() {
        let index = usize::try_from(number)? % tokens.len();
        let request = ValidateTokenRequest {
            access_token: tokens.get(index).cloned().unwrap_or_default(),
            ..Default::default()
        };
        let started = Instant::now();
        let answer = client.validate_token(request).await?.into_inner();
        latencies.record(started.elapsed());
        let claims = answer.claims.context("a response without claims")?;
        ensure!(
            claims.username == USERNAME,
            "the claims are of another account"
        );
    }
    Ok(latencies)
}
