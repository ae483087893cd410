//! Sign-ins to a relying party without a pause: an authorization request of a browser that is signed in, and the exchange of its code. Each
//! client has several logins, which it uses in turn, as the codes of one are limited.

use std::{fs, net::Ipv4Addr, path::PathBuf, time::Duration};

use anyhow::{Context as _, bail};
use clap::Args;
use holdfast_client::{
    AuthClient, AuthorizationStep, ClientAuthentication, ClientCredentials, ClientInfo, ClientKind,
    CodeExchange,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{task::JoinSet, time::Instant};
use web_service::session::sign_in::complete;

use crate::{
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
    /// Number of concurrent clients; each has its own account (`load0`, `load1`, …)
    #[arg(long)]
    clients: u8,
    /// Number of logins of each client
    #[arg(long)]
    logins: usize,
    /// A file with the refresh tokens of the logins. Without it the clients sign in first
    #[arg(long)]
    sessions: PathBuf,
    /// Duration, in seconds
    #[arg(long)]
    seconds: u64,
}

/// `COUNT ELAPSED P50 P99`
pub(crate) async fn run(options: Options) -> anyhow::Result<String> {
    let auth = options.site.client()?;
    let sessions: Vec<_> = if let Ok(kept) = fs::read_to_string(&options.sessions) {
        kept.lines().map(SecretString::from).collect()
    } else {
        sign_in(&options, &auth).await?
    };
    let begun = Instant::now();
    let requests = ClosedLoop::during(Duration::from_secs(options.seconds), 0);
    let mut tasks = JoinSet::new();
    for (number, sessions) in (0..).zip(sessions.chunks(options.logins.max(1))) {
        let (auth, sessions) = (auth.clone(), sessions.to_vec());
        tasks.spawn(authorize(auth, number, sessions, requests.clone()));
    }
    let mut latencies = Latencies::default();
    for latencies_of_task in join_all(tasks).await? {
        latencies.merge(latencies_of_task);
    }
    Ok(latencies.sorted().within(begun.elapsed()))
}

/// The refresh tokens of new logins of browsers, which the file keeps.
async fn sign_in(options: &Options, auth: &AuthClient) -> anyhow::Result<Vec<SecretString>> {
    let (mut sessions, mut kept) = (Vec::new(), String::new());
    for number in 0..options.clients {
        let client = client_at(Ipv4Addr::new(10, 1, 0, number).into());
        let username = format!("load{number}");
        for _ in 0..options.logins {
            let login = options.site.authenticate(auth, &username, &client).await?;
            let session = complete(auth, login.0, login.1).await?.refresh_token;
            kept += session.expose_secret();
            kept.push('\n');
            sessions.push(session);
        }
    }
    fs::write(&options.sessions, kept)?;
    Ok(sessions)
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
