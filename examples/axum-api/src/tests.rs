//! The API against a real auth-service.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use auth_service::{
    app::{self, App},
    config::Settings,
};
use clap::Parser;
use holdfast_client::{
    AuthClient, AuthenticationStep, AuthorizationGrant, ClientInfo, ClientKind, Holder,
    SignInOptions, Tokens,
};
use holdfast_core::clock::SystemClock;
use holdfast_identity::call_context::CallContext;
use reqwest::{Client, StatusCode};
use secrecy::ExposeSecret as _;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::*;

const PASSWORD: &str = "correct horse battery staple";
const SECRET: &str = "SzM1q8VbE2xYw7RkT0nLd5HcJf9GpA4u";
const KEY: &str = "B1dxMlpmOVl0OGtRYjFzWGg2Y0xyM2RHYTV1RW9QaTI=";
const AUDIENCE: &str = "https://api.example";

#[derive(Parser)]
struct AuthService {
    #[command(flatten)]
    settings: Settings,
}

/// An auth-service with the account `ada`; returns its address.
async fn start_auth(directory: &TempDir) -> SocketAddr {
    let arguments = [
        "auth-service",
        "--listen=127.0.0.1:0",
        "--ops-listen=127.0.0.1:0",
        &format!("--data-dir={}", directory.path().display()),
        "--issuer=https://id.example",
        &format!("--audience={AUDIENCE}"),
        &format!("--key-encryption-key={KEY}"),
        &format!("--service-secret={SECRET}"),
    ];
    let settings = AuthService::parse_from(arguments).settings;
    let (_, config) = settings.serve().unwrap();
    let (database, hashing) = (config.database.clone(), config.hashing);
    let second_factor = config.policy.second_factor;
    let clock = Arc::new(SystemClock);
    app::install_crypto_providers();
    let auth = App::build(config, clock.clone()).await.unwrap();
    let address = auth.address().unwrap();
    tokio::spawn(auth.run(CancellationToken::new()));
    let store = app::open_store(&database).await.unwrap();
    let accounts = app::open_accounts(store, hashing, second_factor, clock);
    let accounts = accounts.await.unwrap();
    accounts
        .create(
            "ada".parse().unwrap(),
            PASSWORD,
            false,
            &CallContext::operator(),
        )
        .await
        .unwrap();
    address
}

async fn start_api(config: &AuthConfig) -> String {
    let verifier = Verifier::connect(config, AUDIENCE).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/orders", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router(verifier)).await });
    url
}

/// The client info of a program on this machine.
fn program() -> ClientInfo {
    ClientInfo {
        kind: ClientKind::Api,
        ip_address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        user_agent: Some("axum-api".to_owned()),
        device: None,
    }
}

async fn sign_in(auth: &AuthClient) -> Tokens {
    let password = PASSWORD.to_owned().into();
    let client = program();
    let step = Some(AuthenticationStep::Password(&password));
    let options = SignInOptions::default();
    let started = auth.start_authentication("ada", step, options, &client);
    let (_, login) = started.await.unwrap().completed().unwrap();
    let grant = AuthorizationGrant::LoginTicket(&login.ticket);
    auth.issue_token(grant, "profile", Holder::Program(&client), None)
        .await
        .unwrap()
}

#[tokio::test]
async fn token_is_refused_within_200_ms_after_login_ended() {
    let directory = tempfile::tempdir().unwrap();
    let address = start_auth(&directory).await;
    let config = AuthConfig {
        urls: vec![format!("http://{address}").parse().unwrap()],
        service_secret: Some(SECRET.to_owned().into()),
        ..AuthConfig::default()
    };
    let url = start_api(&config).await;
    // Another client than that of the API, so that the API learns of the revocation by the stream alone.
    let auth = AuthClient::new(&config).unwrap();
    let tokens = sign_in(&auth).await;
    let token = tokens.access_token.expose_secret();
    let http = Client::builder().no_proxy().build().unwrap();
    let status = async || {
        let response = http.get(&url).bearer_auth(token).send().await.unwrap();
        response.status()
    };
    assert_eq!(http.get(&url).send().await.unwrap().status(), 401);
    for _ in 0..3 {
        assert_eq!(status().await, StatusCode::OK);
    }

    auth.end_login(
        tokens.refresh_token.unwrap().expose_secret(),
        None,
        &program(),
    )
    .await
    .unwrap();
    let ended = Instant::now();
    loop {
        let sent = ended.elapsed();
        if status().await == StatusCode::UNAUTHORIZED {
            break;
        }
        assert!(
            sent < Duration::from_millis(200),
            "accepted {sent:?} after the login ended"
        );
    }
    assert_eq!(status().await, StatusCode::UNAUTHORIZED, "it stays refused");
}
