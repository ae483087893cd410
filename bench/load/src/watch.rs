//! Many who watch revocations at once, as so many instances of web-service would.

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
use holdfast_client::auth::AuthService as _;
use secrecy::ExposeSecret as _;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tonic::{Request, Streaming, transport::Channel};

use crate::{
    closed_loop::all,
    latencies::Latencies,
    site::{Site, client_at},
};

/// How long snapshots, and afterwards revocations, may take to reach everybody.
const DEADLINE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    site: Site,
    /// How many watch
    #[arg(long)]
    watchers: usize,
    /// Over how many connections
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// How long nothing happens, in seconds, after all are there; `READY` says when that begins
    #[arg(long)]
    idle: u64,
    /// How many logins end then
    #[arg(long)]
    ends: usize,
}

/// When each login was seen to end.
type Seen = HashMap<String, Instant>;

/// `COUNT P50 P99 MAX`, from the answer to whoever ended the login
pub(crate) async fn run(options: Options) -> anyhow::Result<String> {
    let auth = options.site.client()?;
    let mut logins = Vec::new();
    for _ in 0..options.ends {
        logins.push(options.site.sign_in(&auth).await?);
    }
    let watchers = begin(&options).await?;
    println!("READY");
    sleep(Duration::from_secs(options.idle)).await;

    let mut answered = Seen::new();
    let client = client_at([127, 0, 0, 1].into());
    for login in logins {
        let token = login.refresh_token.expose_secret();
        auth.end_login(token, None, &client).await?;
        answered.insert(login.login.sid, Instant::now());
        sleep(PAUSE).await;
    }
    let seen = timeout(DEADLINE, all(watchers)).await;
    let mut latencies = Latencies::default();
    for seen in seen.context("a revocation did not reach everybody")?? {
        for (sid, answered) in &answered {
            let seen = seen.get(sid).context("another login was seen to end")?;
            latencies.note(seen.saturating_duration_since(*answered));
        }
    }
    Ok(latencies.sorted().to_string())
}

/// Returns once everybody has the snapshot.
async fn begin(options: &Options) -> anyhow::Result<JoinSet<anyhow::Result<Seen>>> {
    let mut channels = Vec::new();
    for _ in 0..options.connections {
        channels.push(options.site.connect().await?);
    }
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
        let is_ready = is_ready.context("not everybody has a snapshot in time")?;
        ensure!(is_ready.is_some(), "a watcher was refused");
    }
    Ok(tasks)
}

async fn watch(
    channel: Channel,
    request: Request<WatchRevocationsRequest>,
    ready: mpsc::Sender<()>,
    ends: usize,
) -> anyhow::Result<Seen> {
    let mut client = AuthServiceClient::new(channel);
    let mut stream = client.watch_revocations(request).await?.into_inner();
    while !next(&mut stream).await?.current {}
    ready.send(()).await?;
    drop(ready);
    let mut seen = Seen::new();
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
    message.context("a watcher was cut")
}
