//! What people, programs and an attacker do while the dashboard is recorded.

use std::time::Duration;

use e2e::{
    redis::Redis,
    site::{Site, cookie_of, form_token},
};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

/// Checks of one cookie, or of one token.
const CHECKS: usize = 12;
/// The pause of a person or a program after each check.
const PAUSE: Duration = Duration::from_millis(100);
/// The pause of the attacker.
const GUESS_PAUSE: Duration = Duration::from_millis(25);
/// Guesses that are throttled at least, however slow the machine is.
const THROTTLED: u32 = 40;
/// The pause until refresh tokens are copied again.
const COPY_PAUSE: Duration = Duration::from_secs(12);

/// A time span in seconds since the begin.
pub(super) type Span = (u32, u32);

/// What happens when.
pub(super) struct Story {
    /// The whole time, in seconds.
    pub(super) seconds: u32,
    /// The guessing attack.
    pub(super) attack: Span,
    /// Redis is suspended.
    pub(super) outage: Span,
}

impl Story {
    /// Lets it happen, to these accounts.
    pub(super) async fn run(&self, site: &Site, redis: &Redis, names: &[&str; 3]) {
        let begun = Instant::now();
        let at = |seconds: u32| begun + Duration::from_secs(seconds.into());
        let end = at(self.seconds);
        tokio::join!(
            browse(site, names[0], end),
            browse(site, names[1], end),
            call(site, names[0], end),
            call(site, names[1], end),
            copy_refresh_tokens(site, names[2], end),
            async {
                sleep_until(at(self.attack.0)).await;
                guess(site, names[0], at(self.attack.1)).await;
            },
            async {
                sleep_until(at(self.outage.0)).await;
                redis.hang(true);
                sleep_until(at(self.outage.1)).await;
                redis.hang(false);
            },
        );
    }
}

/// A person signs in, uses the cookie, and signs out, again and again.
async fn browse(site: &Site, name: &str, end: Instant) {
    let client = site.client();
    while Instant::now() < end {
        let answer = site.try_form_login(name).await;
        let cookie = cookie_of(&answer, "__Host-session");
        let Some(cookie) = cookie.filter(|_| answer.status() == 303) else {
            sleep(PAUSE).await;
            continue;
        };
        for _ in 0..CHECKS {
            let request = client.get(site.url("/api/session"));
            request.header("cookie", &cookie).send().await.unwrap();
            sleep(PAUSE).await;
        }
        let page = site.get("/dashboard", &cookie).await;
        if page.status() == 200 {
            let token = form_token(&page.text().await.unwrap());
            let form = [("csrf_token", token.as_str())];
            site.post_form("/logout", &cookie, &form).await;
        }
    }
}

/// A program signs in, uses its token, refreshes it, and signs out, again and again.
async fn call(site: &Site, name: &str, end: Instant) {
    let client = site.client();
    while Instant::now() < end {
        let Some(tokens) = sign_in(site, name).await else {
            sleep(PAUSE).await;
            continue;
        };
        let access_token = tokens["access_token"].as_str().unwrap();
        for _ in 0..CHECKS {
            let request = client.get(site.url("/api/profile"));
            request.bearer_auth(access_token).send().await.unwrap();
            sleep(PAUSE).await;
        }
        refresh(&client, site, &tokens["refresh_token"]).await;
        let request = client.post(site.url("/api/logout"));
        request.bearer_auth(access_token).send().await.unwrap();
    }
}

/// A refresh token is used by two, of whom the second one is too late.
async fn copy_refresh_tokens(site: &Site, name: &str, end: Instant) {
    let client = site.client();
    while Instant::now() < end {
        if let Some(tokens) = sign_in(site, name).await {
            let first = &tokens["refresh_token"];
            let second = refresh(&client, site, first).await;
            refresh(&client, site, &second["refresh_token"]).await;
            let reused = refresh(&client, site, first).await;
            assert_eq!(reused["reason"], "REFRESH_REUSED");
        }
        sleep_until(end.min(Instant::now() + COPY_PAUSE)).await;
    }
}

/// Guesses passwords from ten addresses, for one account and for names that there are not. A page of another site tries to sign in, too.
async fn guess(site: &Site, name: &str, end: Instant) {
    let client = site.client();
    let (mut number, mut throttled) = (0_u32, 0);
    while Instant::now() < end || throttled < THROTTLED {
        number += 1;
        let username = if number.is_multiple_of(2) {
            name.to_owned()
        } else {
            format!("nobody-{number}")
        };
        let body = json!({"username": username, "password": "wrong"});
        let request = client.post(site.url("/api/login")).json(&body);
        let address = format!("203.0.113.{}", number % 10);
        let request = request.header("x-forwarded-for", address);
        let answer = request.send().await.unwrap();
        throttled += u32::from(answer.status() == 429);
        if number.is_multiple_of(20) {
            let request = client.post(site.url("/login"));
            let request = request.header("origin", "https://elsewhere.example");
            let request = request.header("sec-fetch-site", "cross-site");
            request.form(&[("username", name)]).send().await.unwrap();
        }
        sleep(GUESS_PAUSE).await;
    }
}

/// The tokens of a new login, where that succeeds.
async fn sign_in(site: &Site, name: &str) -> Option<Value> {
    let answer = site.api_login(name, &site.password).await;
    if answer.status() != 200 {
        return None;
    }
    Some(answer.json().await.unwrap())
}

async fn refresh(client: &Client, site: &Site, refresh_token: &Value) -> Value {
    let body = json!({"refresh_token": refresh_token});
    let request = client.post(site.url("/api/refresh")).json(&body);
    request.send().await.unwrap().json().await.unwrap()
}
