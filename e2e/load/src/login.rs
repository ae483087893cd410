//! Signing in, over and over.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use anyhow::ensure;
use clap::Args;
use secrecy::SecretString;
use tokio::{task::JoinSet, time::Instant};
use web_service::{clients::auth::GrpcAuth, domain::auth::Auth as _};

use crate::{
    latencies::Latencies,
    site::{Site, client_at},
    turns::{Turns, all},
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

/// `COUNT ELAPSED P50 P99`
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
    for part in all(tasks).await? {
        latencies.add(part);
    }
    Ok(latencies.sorted().within(begun.elapsed()))
}

async fn sign_in(
    auth: GrpcAuth,
    password: Arc<SecretString>,
    number: u8,
    turns: Turns,
) -> anyhow::Result<Latencies> {
    let username = format!("load{number}");
    let client = client_at(Ipv4Addr::new(10, 0, 0, number).into());
    let mut latencies = Latencies::default();
    while turns.next().is_some() {
        let asked = Instant::now();
        let (person, _login) = auth.login(&username, &password, &client).await?;
        latencies.note(asked.elapsed());
        ensure!(person.username == username, "somebody else was signed in");
    }
    Ok(latencies)
}
