//! Signing in, over and over. Who is told that too many wait comes back when they were told to, as a good client does.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use anyhow::ensure;
use clap::Args;
use holdfast_client::{
    ErrorReason,
    auth::{AuthError, AuthService as _},
    rpc::AuthClient,
};
use secrecy::SecretString;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    closed_loop::{Turns, all},
    latencies::Latencies,
    site::{Site, client_at},
};

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    site: Site,
    /// How many clients at once; each has an account (`load0`, `load1`, …) and an address of its own, as guesses are counted by both
    #[arg(long)]
    clients: u8,
    /// For how long, in seconds
    #[arg(long)]
    seconds: u64,
}

/// `COUNT ELAPSED P50 P99 REFUSED`, of successes but for the last
pub(crate) async fn run(options: Options) -> anyhow::Result<String> {
    let auth = options.site.client()?;
    let password = Arc::new(options.site.password().clone());
    let begun = Instant::now();
    let turns = Turns::during(Duration::from_secs(options.seconds), 0);
    let mut tasks = JoinSet::new();
    for client in 0..options.clients {
        tasks.spawn(sign_in(
            auth.clone(),
            password.clone(),
            client,
            turns.clone(),
        ));
    }
    let mut latencies = Latencies::default();
    let (mut refused, mut last) = (0, begun);
    for client in all(tasks).await? {
        latencies.add(client.successes);
        refused += client.refused;
        last = last.max(client.last);
    }
    // Who was refused in the end sleeps longer.
    let successes = latencies.sorted().within(last - begun);
    Ok(format!("{successes} {refused}"))
}

/// What a client brought.
struct ClientInfo {
    successes: Latencies,
    /// When it had the last one.
    last: Instant,
    refused: u64,
}

async fn sign_in(
    auth: AuthClient,
    password: Arc<SecretString>,
    number: u8,
    turns: Turns,
) -> anyhow::Result<ClientInfo> {
    let username = format!("load{number}");
    let client = client_at(Ipv4Addr::new(10, 0, 0, number).into());
    let mut own = ClientInfo {
        successes: Latencies::default(),
        last: Instant::now(),
        refused: 0,
    };
    while turns.next().is_some() {
        let asked = Instant::now();
        match auth.login(&username, &password, None, &client).await {
            Ok((person, _login)) => {
                own.last = Instant::now();
                own.successes.note(own.last - asked);
                ensure!(person.username == username, "somebody else was signed in");
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
