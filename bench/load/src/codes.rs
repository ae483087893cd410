//! Sign-ins to a relying party without a pause: an authorization request of a browser that is signed in, and the exchange of its code. Each
//! client has several logins, which it uses in turn, as the codes of one are limited.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::{Context as _, bail};
use clap::Args;
use holdfast_client::{
    AuthClient, AuthorizationStep, ClientAuthentication, ClientCredentials, ClientInfo, ClientKind,
    CodeExchange,
};
use secrecy::SecretString;
use tokio::{task::JoinSet, time::Instant};
use web_service::session::sign_in::complete;

use crate::{
    client_logins::ClientLogins,
    closed_loop::{ClosedLoop, join_all},
    latencies::Latencies,
    site::{Site, client_at},
};

/// The relying party, a public client of the installation itself.
const CLIENT_ID: &str = "relying-party";
const REDIRECT_URI: &str = "https://app.example/callback";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

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
    let sessions = options.logins.refresh_tokens(sign_in).await?;
    let begun = Instant::now();
    let requests = ClosedLoop::during(Duration::from_secs(options.seconds), 0);
    let mut tasks = JoinSet::new();
    for (number, sessions) in (0..).zip(sessions) {
        tasks.spawn(authorize(auth.clone(), number, sessions, requests.clone()));
    }
    let mut latencies = Latencies::default();
    for latencies_of_task in join_all(tasks).await? {
        latencies.merge(latencies_of_task);
    }
    Ok(latencies.sorted().within(begun.elapsed()))
}

/// The refresh token of a new login of a browser.
async fn sign_in(site: &Site, auth: &AuthClient, number: u8) -> anyhow::Result<SecretString> {
    let client = client_at(Ipv4Addr::new(10, 1, 0, number).into());
    let username = format!("load{number}");
    let (person, login) = site.authenticate(auth, &username, &client).await?;
    Ok(complete(auth, person, login).await?.refresh_token)
}

async fn authorize(
    auth: AuthClient,
    number: u8,
    sessions: Vec<SecretString>,
    requests: ClosedLoop,
) -> anyhow::Result<Latencies> {
    let client = ClientInfo {
        kind: ClientKind::Api,
        ..client_at(Ipv4Addr::new(10, 1, 0, number).into())
    };
    let mut latencies = Latencies::default();
    for session in sessions.iter().cycle() {
        if requests.next().is_none() {
            break;
        }
        let started = Instant::now();
        exchange(&auth, &code(&auth, session).await?, &client).await?;
        latencies.record(started.elapsed());
    }
    Ok(latencies)
}

async fn code(auth: &AuthClient, session: &SecretString) -> anyhow::Result<SecretString> {
    let parameters = [
        ("response_type", "code"),
        ("client_id", CLIENT_ID),
        ("redirect_uri", REDIRECT_URI),
        ("scope", "openid offline_access"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let step = auth.start_authorization(&parameters, Some(session)).await?;
    let AuthorizationStep::Redirect(redirect) = step else {
        bail!("the browser is asked for something: {step:?}");
    };
    let mut parameters = redirect.parameters.into_iter();
    let code = parameters.find(|(name, _)| name == "code");
    Ok(code.context("a response without a code")?.1.into())
}

async fn exchange(
    auth: &AuthClient,
    code: &SecretString,
    client: &ClientInfo,
) -> anyhow::Result<()> {
    let exchange = CodeExchange {
        code,
        redirect_uri: REDIRECT_URI,
        verifier: &VERIFIER.to_owned().into(),
        client: &ClientCredentials {
            id: Some(CLIENT_ID.to_owned()),
            proof: ClientAuthentication::None,
        },
        audience: "",
    };
    let tokens = auth.exchange_code(&exchange, client, None).await?;
    tokens.id_token.context("a response without an ID token")?;
    Ok(())
}
