//! `ValidateToken`, with another token each time.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use auth_proto::v1::{ValidateTokenRequest, auth_service_client::AuthServiceClient};
use clap::Args;
use tokio::{task::JoinSet, time::Instant};
use tonic::transport::Channel;

use crate::{
    closed_loop::{Turns, all},
    latencies::Latencies,
    site::{Site, USERNAME},
};

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    site: Site,
    /// A file with one token on each line; they take turns
    #[arg(long)]
    tokens: PathBuf,
    /// How many tokens at its beginning had their turn already
    #[arg(long, default_value_t = 0)]
    skip: u64,
    /// For how long, in seconds
    #[arg(long)]
    seconds: u64,
    /// How many connections
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// How many calls at once on each
    #[arg(long, default_value_t = 4)]
    streams: usize,
}

/// `COUNT ELAPSED P50 P99`
pub(crate) async fn run(options: Options) -> anyhow::Result<String> {
    let file = fs::read_to_string(&options.tokens)?;
    let tokens: Arc<[String]> = file.lines().map(str::to_owned).collect();
    ensure!(!tokens.is_empty(), "there are no tokens");
    let mut channels = Vec::new();
    for _ in 0..options.connections {
        channels.push(options.site.connect().await?);
    }
    let begun = Instant::now();
    let turns = Turns::during(Duration::from_secs(options.seconds), options.skip);
    let mut tasks = JoinSet::new();
    for channel in channels {
        for _ in 0..options.streams {
            tasks.spawn(ask(channel.clone(), tokens.clone(), turns.clone()));
        }
    }
    let mut latencies = Latencies::default();
    for part in all(tasks).await? {
        latencies.add(part);
    }
    Ok(latencies.sorted().within(begun.elapsed()))
}

async fn ask(channel: Channel, tokens: Arc<[String]>, turns: Turns) -> anyhow::Result<Latencies> {
    let mut client = AuthServiceClient::new(channel);
    let mut latencies = Latencies::default();
    while let Some(turn) = turns.next() {
        let index = usize::try_from(turn)? % tokens.len();
        let request = ValidateTokenRequest {
            access_token: tokens.get(index).cloned().unwrap_or_default(),
            ..Default::default()
        };
        let asked = Instant::now();
        let answer = client.validate_token(request).await?.into_inner();
        latencies.note(asked.elapsed());
        let claims = answer.claims.context("an answer without claims")?;
        ensure!(claims.username == USERNAME, "an answer about somebody else");
    }
    Ok(latencies)
}
