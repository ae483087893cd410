//! The API against a real auth-service.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZero,
    time::{Duration, Instant},
};

use auth_service::config::{HashingConfig, ServeConfig};
use holdfast_client::{AuthClient, ClientInfo, ClientKind, Grant, Holder, Tokens};
use holdfast_core::clock::SystemClock;
use holdfast_crypto::{
    argon2id::{Argon2id, Cost},
    random::SystemRandom,
};
use holdfast_identity::{account::Accounts, key::Algorithm, oauth::DpopPolicy, policy::Policy};
use holdfast_store_sqlite::SqliteStore;
use reqwest::{Client, StatusCode};
use secrecy::{ExposeSecret as _, SecretBox};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::*;

const PASSWORD: &str = "correct horse battery staple";
const SECRET: &str = "SzM1q8VbE2xYw7RkT0nLd5HcJf9GpA4u";
const AUDIENCE: &str = "https://api.example";

/// An auth-service with the account `ada`; returns its address.
async fn start_auth(directory: &TempDir) -> SocketAddr {
    let cost = Cost {
        memory: 64,
        iterations: 1,
        parallelism: 1,
    };
    let database = directory.path().join("auth.db");
    let config = ServeConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        ops_listen: "127.0.0.1:0".parse().unwrap(),
        database: database.clone(),
        redis: None,
        policy: Policy {
            issuer: "https://id.example".to_owned(),
            audiences: vec![AUDIENCE.to_owned()],
            access_ttl: Duration::from_mins(15),
            refresh_ttl: Duration::from_hours(30 * 24),
            login_ttl: Duration::from_hours(90 * 24),
            step_up_max_age: Duration::from_mins(5),
            dpop: DpopPolicy::Allow,
        },
        signing_algorithm: Algorithm::EdDsa,
        key_max_age: Duration::from_hours(90 * 24),
        audit_retention: Duration::from_hours(365 * 24),
        key_encryption_key: SecretBox::new(Box::new([1; 32])),
        service_secret: Some(SECRET.to_owned().into()),
        tls: None,
        hashing: HashingConfig {
            cost,
            threads: NonZero::new(2).unwrap(),
        },
        max_connections: 64,
        reflection: false,
    };
    let clock = Arc::new(SystemClock);
    let app = auth_service::app::App::build(config, clock.clone())
        .await
        .unwrap();
    let address = app.address().unwrap();
    tokio::spawn(app.run(CancellationToken::new()));
    let random = Arc::new(SystemRandom);
    let store = SqliteStore::open(&database).await.unwrap();
    let feed = auth_service::app::open_feed(&store, clock.clone()).await;
    let accounts = Accounts::new(
        Arc::new(store),
        Arc::new(feed.unwrap()),
        Arc::new(Argon2id::start(cost, NonZero::<u32>::MIN, random.clone()).unwrap()),
        clock,
        random,
    );
    accounts
        .create("ada".parse().unwrap(), PASSWORD, false)
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
        ip_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user_agent: "axum-api".to_owned(),
        device: None,
    }
}

async fn sign_in(auth: &AuthClient) -> Tokens {
    let password = PASSWORD.to_owned().into();
    let client = program();
    let (_, login) = auth.login("ada", &password, None, &client).await.unwrap();
    let grant = Grant::LoginTicket(&login.ticket);
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

    auth.end_login(tokens.refresh_token.expose_secret(), None, &program())
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
