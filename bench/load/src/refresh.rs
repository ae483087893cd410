//! Rotations of refresh tokens without a pause. Each client has several logins, which it refreshes in turn, as the refreshes of one are limited.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::{Context as _, ensure};
use clap::Args;
use holdfast_client::{AuthClient, AuthorizationGrant, ClientInfo, ClientKind, Holder};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{task::JoinSet, time::Instant};

use crate::{
    client_logins::ClientLogins,
    closed_loop::{ClosedLoop, join_all},
    latencies::Latencies,
    site::{Site, client_at},
};

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    site: Site,
    #[command(flatten)]
    logins: ClientLogins,
    /// Duration, in seconds
    #[arg(long)]
    seconds: u64,
}

/// `COUNT ELAPSED P50 P99`
pub(crate) async fn run(options: Options) -> anyhow::Result<String> {
    let auth = options.site.client()?;
    let sign_in = async |number| sign_in(&options.site, &auth, number).await;
    let tokens = options.logins.refresh_tokens(sign_in).await?;
    let begun = Instant::now();
    let requests = ClosedLoop::during(Duration::from_secs(options.seconds), 0);
    let mut tasks = JoinSet::new();
    for (number, tokens) in (0..).zip(tokens) {
        tasks.spawn(rotate(auth.clone(), number, tokens, requests.clone()));
    }
    let (mut latencies, mut kept) = (Latencies::default(), Vec::new());
    for (latencies_of_task, tokens) in join_all(tasks).await? {
        latencies.merge(latencies_of_task);
        kept.push(tokens);
    }
    let result = latencies.sorted().within(begun.elapsed());
    options.logins.keep(&kept)?;
    Ok(result)
}

/// The first refresh token of a new login of a program.
async fn sign_in(site: &Site, auth: &AuthClient, number: u8) -> anyhow::Result<SecretString> {
    let client = program(number);
    let username = format!("load{number}");
    let (_, login) = site.authenticate(auth, &username, &client).await?;
    exchange(
        auth,
        AuthorizationGrant::LoginTicket(&login.ticket),
        &client,
    )
    .await
}

async fn rotate(
    auth: AuthClient,
    number: u8,
    mut tokens: Vec<SecretString>,
    requests: ClosedLoop,
) -> anyhow::Result<(Latencies, Vec<SecretString>)> {
    let client = program(number);
    let mut latencies = Latencies::default();
    let logins = tokens.len().max(1);
    for turn in 0.. {
        let Some(token) = tokens.get_mut(turn % logins) else {
            break;
        };
        if requests.next().is_none() {
            break;
        }
        let started = Instant::now();
        let next = exchange(&auth, AuthorizationGrant::RefreshToken(token), &client).await?;
        latencies.record(started.elapsed());
        ensure!(
            next.expose_secret() != token.expose_secret(),
            "the refresh token was not rotated"
        );
        *token = next;
    }
    Ok((latencies, tokens))
}

async fn exchange(
    auth: &AuthClient,
    grant: AuthorizationGrant<'_>,
    client: &ClientInfo,
) -> anyhow::Result<SecretString> {
    let tokens = auth.issue_token(grant, "", Holder::Program(client), None);
    let token = tokens.await?.refresh_token;
    token.context("a response without a refresh token")
}

fn program(number: u8) -> ClientInfo {
    ClientInfo {
        kind: ClientKind::Api,
        ..client_at(Ipv4Addr::new(10, 0, 0, number).into())
    }
}
