//! APIs that verify access tokens offline and follow `/events/revocations`.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use axum_offline::{Config, serve};
use e2e::{packages, pair::Pair, port, program::Program, wait::until};
use reqwest::{Client, Method};
use rustix::process::Signal;
use serde_json::json;
use tokio::{net::TcpListener, process::Command, time::sleep};

/// Time from the end of a login until its tokens are refused, at most.
const DELAY: Duration = Duration::from_secs(1);

/// Time in which the API is connected again.
const DEADLINE: Duration = Duration::from_secs(10);
/// Time between two requests.
const INTERVAL: Duration = Duration::from_millis(20);

/// A pair and an API that follows its revocations.
struct Fixture {
    pair: Pair,
    url: String,
    http: Client,
}

impl Fixture {
    /// A pair, and what the API has to know.
    async fn start() -> (Self, Config) {
        let pair = Pair::start().await;
        pair.add_user("ada", &[]).await;
        let scope = ["client", "add", "orders", "--scope", "revocations"];
        let add = [&scope[..], &["--audience", &pair.site.origin]].concat();
        let printed = pair.command(&add, "").await;
        let (_, secret) = printed.trim().split_once(' ').unwrap();
        let config = Config {
            issuer: pair.site.origin.clone(),
            audience: pair.site.origin.clone(),
            client_id: "orders".to_owned(),
            client_secret: secret.to_owned(),
            ca_file: Some(pair.site.ca_file.clone()),
        };
        let fixture = Self {
            pair,
            url: String::new(),
            http: Client::builder().no_proxy().build().unwrap(),
        };
        (fixture, config)
    }

    /// Checks the API that listens on this port.
    async fn check(mut self, port: u16) {
        self.url = format!("http://127.0.0.1:{port}/orders");
        self.ends_are_refused().await;
        self.ends_during_an_outage_are_refused().await;
    }

    /// Checks an API in another language.
    async fn check_program(self, config: Config, mut command: Command) {
        let port = port::free();
        let ca_file = &self.pair.site.ca_file;
        command
            .env("ISSUER", config.issuer)
            .env("AUDIENCE", config.audience)
            .env("CLIENT_ID", config.client_id)
            .env("CLIENT_SECRET", config.client_secret)
            .env("PORT", port.to_string())
            .env("NODE_EXTRA_CA_CERTS", ca_file)
            .env("REQUESTS_CA_BUNDLE", ca_file)
            .env("SSL_CERT_FILE", ca_file);
        let _api = Program::start(&mut command);
        self.check(port).await;
    }

    /// The status of a request with a token; 0 while the API does not listen.
    async fn status(&self, token: &str) -> u16 {
        let request = self.http.get(&self.url).bearer_auth(token);
        let response = request.send().await;
        response.map_or(0, |response| response.status().as_u16())
    }

    async fn becomes(&self, token: &str, expected: u16) {
        let what = format!("status {expected}");
        let is_expected = async || (self.status(token).await == expected).then_some(());
        until(&what, is_expected).await;
    }

    async fn token(&self) -> String {
        let tokens = self.pair.site.tokens("ada").await;
        tokens["access_token"].as_str().unwrap().to_owned()
    }

    /// Ends all logins of the account but a new one.
    async fn end_logins(&self) {
        let site = &self.pair.site;
        let cookie = site.form_login("ada").await;
        let nothing = json!({});
        let ended = site.send_json(Method::DELETE, "/api/logins", &cookie, &nothing);
        assert_eq!(ended.await.status(), 204);
    }

    async fn ends_are_refused(&self) {
        let token = self.token().await;
        self.becomes(&token, 200).await;
        let forged = format!("{token}x");
        assert_eq!(self.status(&forged).await, 401);
        self.end_logins().await;
        let ended = Instant::now();
        self.becomes(&token, 401).await;
        assert!(ended.elapsed() < DELAY, "{:?}", ended.elapsed());
    }

    /// What ends while web-service is down is unknown meanwhile, and refused when it is back.
    async fn ends_during_an_outage_are_refused(&mut self) {
        let token = self.token().await;
        assert_eq!(self.status(&token).await, 200);
        self.pair.web.signal(Signal::KILL);
        self.pair.web.exit().await;
        self.becomes(&token, 503).await;
        self.pair.command(&["user", "disable", "ada"], "").await;
        self.pair.start_web_again().await;
        let begun = Instant::now();
        while self.status(&token).await == 503 && begun.elapsed() < DEADLINE {
            sleep(INTERVAL).await;
        }
        assert_eq!(self.status(&token).await, 401);
    }
}

fn client(file: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
    directory.join(file)
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_api_refuses_tokens_of_an_ended_login() {
    let (fixture, config) = Fixture::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(serve(listener, config));
    fixture.check(port).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_api_refuses_tokens_of_an_ended_login() {
    let (fixture, config) = Fixture::start().await;
    let mut api = Command::new("python3");
    api.arg(client("offline.py"))
        .env("PYTHONPATH", packages::of_python());
    fixture.check_program(config, api).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_api_refuses_tokens_of_an_ended_login() {
    // Node resolves modules beside the script.
    let script = packages::of_node().join("offline.mjs");
    std::fs::copy(client("offline.mjs"), &script).unwrap();
    let (fixture, config) = Fixture::start().await;
    let mut api = Command::new("node");
    api.arg(script);
    fixture.check_program(config, api).await;
}
