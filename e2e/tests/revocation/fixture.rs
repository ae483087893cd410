//! Two web-services on one Redis, and the credentials of an account.

use std::time::{Duration, Instant};

use e2e::{
    admin::ADMINISTRATOR,
    pair::{Options, Pair},
    program::Program,
    redis::Redis,
    site::Site,
    wait::until,
};
use reqwest::Client;
use serde_json::Value;

use crate::{MAX_DELAY, cause::Cause};

/// Two web-services on one Redis, and one auth-service.
pub(crate) struct Fixture {
    pub(crate) pair: Pair,
    pub(crate) redis: Redis,
    pub(crate) other: Site,
    /// HTTP clients with open connections, so that no handshake is measured.
    pub(crate) clients: [Client; 2],
    _other_web: Program,
}

/// A signed-in browser and a signed-in API client of the same account.
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) cookie: String,
    pub(crate) browser_token: String,
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
}

impl Fixture {
    pub(crate) async fn start() -> Self {
        let redis = Redis::start().await;
        let pair = Pair::start_with(Options {
            web: vec![("WEB_SESSION_STORE", redis.url())],
            ..Options::default()
        })
        .await;
        let (other_web, other) = pair.another_web().await;
        pair.add_user(ADMINISTRATOR, &["--admin"]).await;
        Self {
            clients: [other.client(), pair.site.client()],
            pair,
            redis,
            other,
            _other_web: other_web,
        }
    }

    pub(crate) async fn person(&self, name: &str) -> Person {
        self.pair.add_user(name, &[]).await;
        self.sign_in(name).await
    }

    pub(crate) async fn sign_in(&self, name: &str) -> Person {
        let site = &self.pair.site;
        let cookie = site.form_login(name).await;
        let browser = json(send(site, "POST", "/api/session/token", &cookie).await).await;
        let tokens = site.tokens(name).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let person = Person {
            name: name.to_owned(),
            cookie,
            browser_token: text(&browser["access_token"]),
            access_token: text(&tokens["access_token"]),
            refresh_token: text(&tokens["refresh_token"]),
        };
        for site in [&self.pair.site, &self.other] {
            assert_eq!(cookie_status(site, &person.cookie).await, 200, "{name}");
            assert_eq!(bearer_status(site, &person.browser_token).await, 200);
            assert_eq!(bearer_status(site, &person.access_token).await, 200);
        }
        person
    }

    /// Time until everything that `cause` ends is rejected by all instances.
    pub(crate) async fn time_until_rejected(&self, person: &Person, cause: Cause) -> Duration {
        let begun = Instant::now();
        for (site, client) in [&self.other, &self.pair.site]
            .into_iter()
            .zip(&self.clients)
        {
            while !person.is_rejected(site, client, cause).await {
                assert!(
                    begun.elapsed() < MAX_DELAY * 10,
                    "a credential of {} is still accepted",
                    person.name
                );
            }
        }
        begun.elapsed()
    }
}

impl Fixture {
    /// Panics if an ended credential is accepted.
    pub(crate) async fn assert_still_rejected(&self, person: &Person, cause: Cause) {
        let (site, client) = (&self.pair.site, &self.clients[1]);
        assert!(
            person.is_rejected(site, client, cause).await,
            "{}",
            person.name
        );
        let (_, ends_program) = cause.ends();
        let expected = if ends_program { 401 } else { 200 };
        let status = refresh_status(site, &person.refresh_token).await;
        assert_eq!(status, expected, "{}", person.name);
    }

    pub(crate) async fn is_ready(&self) {
        until("both services to be ready", async || {
            let root = self.pair.site.try_form_login(ADMINISTRATOR).await;
            (root.status() == 303).then_some(())
        })
        .await;
    }

    pub(crate) async fn restart_redis(&mut self) {
        self.redis.restart().await;
    }

    pub(crate) async fn restart_auth(&mut self) {
        self.pair.auth.signal(rustix::process::Signal::KILL);
        self.pair.auth.exit().await;
        self.pair.start_auth_again().await;
    }
}

impl Person {
    /// Whether everything that `cause` ends is rejected, and the rest is accepted.
    pub(crate) async fn is_rejected(&self, site: &Site, client: &Client, cause: Cause) -> bool {
        let ask = |path| client.get(site.url(path));
        let cookie = ask("/api/session").header("cookie", &self.cookie).send();
        let browser = ask("/api/profile").bearer_auth(&self.browser_token).send();
        let program = ask("/api/profile").bearer_auth(&self.access_token).send();
        let (cookie, browser, program) = tokio::join!(cookie, browser, program);
        let is_rejected =
            [cookie, browser, program].map(|answer| match answer.unwrap().status().as_u16() {
                401 => true,
                200 => false,
                status => panic!("{}: {status}", self.name),
            });
        let (ends_browser, ends_program) = cause.ends();
        is_rejected == [ends_browser, ends_browser, ends_program]
    }
}

pub(crate) async fn send(site: &Site, method: &str, path: &str, cookie: &str) -> reqwest::Response {
    let request = site
        .client()
        .request(method.parse().unwrap(), site.url(path))
        .header("cookie", cookie)
        .header("content-type", "application/json")
        .header("sec-fetch-site", "same-origin");
    request.send().await.unwrap()
}

pub(crate) async fn json(response: reqwest::Response) -> Value {
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

pub(crate) async fn cookie_status(site: &Site, cookie: &str) -> u16 {
    site.get("/api/session", cookie).await.status().as_u16()
}

pub(crate) async fn bearer_status(site: &Site, token: &str) -> u16 {
    let request = site
        .client()
        .get(site.url("/api/profile"))
        .bearer_auth(token);
    request.send().await.unwrap().status().as_u16()
}

pub(crate) async fn refresh_status(site: &Site, token: &str) -> u16 {
    let body = serde_json::json!({"refresh_token": token});
    let request = site.client().post(site.url("/api/refresh")).json(&body);
    request.send().await.unwrap().status().as_u16()
}

/// The `sid` of the login of a session cookie.
pub(crate) async fn sid(site: &Site, cookie: &str) -> String {
    let session = json(site.get("/api/session", cookie).await).await;
    session["sid"].as_str().unwrap().to_owned()
}
