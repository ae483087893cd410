//! Many revocation streams, as of many instances of web-service.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context as _, ensure};
use auth_proto::{
    SERVICE_SECRET,
    v1::{
        WatchRevocationsRequest, WatchRevocationsResponse, auth_service_client::AuthServiceClient,
        revocation::Revoked,
    },
};
use clap::Args;
use secrecy::ExposeSecret as _;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tonic::{Request, Streaming, transport::Channel};

use crate::{
    closed_loop::join_all,
    latencies::Latencies,
    site::{Site, client_at},
};

/// Deadline for all snapshots, and after that for all revocations.
const DEADLINE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    site: Site,
    /// Number of streams
    #[arg(long)]
    watchers: usize,
    /// Number of connections
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Idle time after all snapshots, in seconds; it starts when `READY` is printed
    #[arg(long)]
    idle: u64,
    /// Number of logins that end after it
    #[arg(long)]
    ends: usize,
}

/// The time at which each login ended, by `sid`.
type EndTimes = HashMap<String, Instant>;

/// `COUNT P50 P99 MAX`, measured from the response to the call that ends the login
pub(crate) async fn run(options: Options) -> anyhow::Result<String> {
    let auth = options.site.client()?;
    let mut logins = Vec::new();
    for _ in 0..options.ends {
        logins.push(options.site.sign_in(&auth).await?);
    }
    let watchers = open_streams(&options).await?;
    println!("READY");
    sleep(Duration::from_secs(options.idle)).await;

    let mut ended = EndTimes::new();
    let client = client_at([127, 0, 0, 1].into());
    for login in logins {
        let token = login.refresh_token.expose_secret();
        auth.end_login(token, None, &client).await?;
        ended.insert(login.login.sid, Instant::now());
        sleep(PAUSE).await;
    }
    let seen = timeout(DEADLINE, join_all(watchers)).await;
    let mut latencies = Latencies::default();
    for seen in seen.context("a revocation was not delivered to every stream")?? {
        for (sid, ended) in &ended {
            let seen = seen.get(sid).context("a revocation is missing")?;
            latencies.record(seen.saturating_duration_since(*ended));
        }
    }
    Ok(latencies.sorted().to_string())
}

/// Opens all streams. Returns when each of them has delivered its snapshot.
async fn open_streams(options: &Options) -> anyhow::Result<JoinSet<anyhow::Result<EndTimes>>> {
    let channels = options.site.connect(options.connections).await?;
    let (ready, mut readies) = mpsc::channel(options.watchers.max(1));
    let mut tasks = JoinSet::new();
    for channel in channels.iter().cycle().take(options.watchers) {
        let mut request = Request::new(WatchRevocationsRequest::default());
        let secret = options.site.secret().expose_secret().parse()?;
        request.metadata_mut().insert(SERVICE_SECRET, secret);
        tasks.spawn(watch(channel.clone(), request, ready.clone(), options.ends));
    }
    drop(ready);
    for _ in 0..options.watchers {
        let is_ready = timeout(DEADLINE, readies.recv()).await;
        let is_ready = is_ready.context("a snapshot was not delivered in time")?;
        ensure!(is_ready.is_some(), "a stream was rejected");
    }
    Ok(tasks)
}

async fn watch(
    channel: Channel,
    request: Request<WatchRevocationsRequest>,
    ready: mpsc::Sender<()>,
    ends: usize,
) -> anyhow::Result<EndTimes> {
    let mut client = AuthServiceClient::new(channel);
    let mut stream = client.watch_revocations(request).await?.into_inner();
    while !next(&mut stream).await?.current {}
    ready.send(()).await?;
    drop(ready);
    let mut seen = EndTimes::new();
    while seen.len() < ends {
        let message = next(&mut stream).await?;
        let now = Instant::now();
        for revocation in message.revocations {
            if let Some(Revoked::Sid(sid)) = revocation.revoked {
                seen.insert(sid, now);
            }
        }
    }
    Ok(seen)
}

async fn next(
    stream: &mut Streaming<WatchRevocationsResponse>,
) -> anyhow::Result<WatchRevocationsResponse> {
    let message = stream.message().await?;
    message.context("a stream was closed")
}
