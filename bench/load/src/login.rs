//! Sign-ins without a pause. After `OVERLOADED`, a client waits for the time in the response.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use anyhow::ensure;
use clap::Args;
use holdfast_client::{
    AuthClient, AuthError, AuthenticationState, AuthenticationStep, ErrorReason, SignInOptions,
};
use secrecy::SecretString;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    closed_loop::{ClosedLoop, join_all},
    latencies::Latencies,
    site::{Site, client_at},
};

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    site: Site,
    /// Number of concurrent clients; each has its own account (`load0`, `load1`, …) and address, as attempts are counted by both
    #[arg(long)]
    clients: u8,
    /// Duration, in seconds
    #[arg(long)]
    seconds: u64,
}

/// `COUNT ELAPSED P50 P99 REFUSED`; all but the last are those of successes
pub(crate) async fn run(options: Options) -> anyhow::Result<String> {
    let auth = options.site.client()?;
    let password = Arc::new(options.site.password().clone());
    let begun = Instant::now();
    let requests = ClosedLoop::during(Duration::from_secs(options.seconds), 0);
    let mut tasks = JoinSet::new();
    for client in 0..options.clients {
        tasks.spawn(sign_in(
            auth.clone(),
            password.clone(),
            client,
            requests.clone(),
        ));
    }
    let mut latencies = Latencies::default();
    let (mut refused, mut last) = (0, begun);
    for client in join_all(tasks).await? {
        latencies.merge(client.successes);
        refused += client.refused;
        last = last.max(client.last);
    }
    // A client that was rejected last sleeps longer.
    let successes = latencies.sorted().within(last - begun);
    Ok(format!("{successes} {refused}"))
}

/// The results of one client.
struct ClientResult {
    successes: Latencies,
    /// Time of the last success.
    last: Instant,
    refused: u64,
}

async fn sign_in(
    auth: AuthClient,
    password: Arc<SecretString>,
    number: u8,
    requests: ClosedLoop,
) -> anyhow::Result<ClientResult> {
    let username = format!("load{number}");
    let client = client_at(Ipv4Addr::new(10, 0, 0, number).into());
    let mut own = ClientResult {
        successes: Latencies::default(),
        last: Instant::now(),
        refused: 0,
    };
    while requests.next().is_some() {
        let started = Instant::now();
        let step = Some(AuthenticationStep::Password(&password));
        let signed_in = auth
            .start_authentication(&username, step, SignInOptions::default(), &client)
            .await;
        match signed_in.and_then(AuthenticationState::completed) {
            Ok((person, _login)) => {
                own.last = Instant::now();
                own.successes.record(own.last - started);
                ensure!(person.username == username, "another account was signed in");
            }
            Err(AuthError::Unavailable {
                reason,
                retry_after,
            }) if reason == ErrorReason::Overloaded => {
                own.refused += 1;
                sleep(retry_after).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(own)
}
