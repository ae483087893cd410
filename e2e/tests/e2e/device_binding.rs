//! Device Bound Session Credentials (DBSC) in Chromium.

use e2e::{
    balancer::Balancer,
    browser::Browser,
    pair::{Options, PASSWORD, Pair},
    port,
    program::Program,
    redis::Redis,
    wait::until,
};
use serde_json::Value;
use thirtyfour::By;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

const SESSION: &str = "__Host-session";
const PROOF: &str = "__Host-session-proof";

async fn pair_on(redis: &Redis, further: &[(&'static str, String)]) -> Pair {
    let mut options = Options::default();
    options.web.push(("WEB_SESSION_STORE", redis.url()));
    options.web.extend_from_slice(further);
    let pair = Pair::start_with(options).await;
    pair.add_user("ada", &[]).await;
    pair
}

/// Signs in, and waits for the browser to bind the session.
async fn signed_in(pair: &Pair, browser: &Browser) {
    let url = pair.site.url("/login");
    browser.sign_in(&url, "ada", PASSWORD).await;
    assert_eq!(browser.path().await, "/dashboard");
    until("the binding", async || browser.cookie(PROOF).await).await;
    assert_works(pair, browser).await;
}

/// Removes the proof cookie, so that the next request that needs it has none.
async fn let_proof_go(pair: &Pair, browser: &Browser) {
    browser.delete_cookie(PROOF, &pair.site.url("/")).await;
    assert!(browser.cookie(PROOF).await.is_none());
}

async fn assert_works(pair: &Pair, browser: &Browser) {
    let url = pair.site.url("/dashboard");
    browser.driver.goto(url).await.unwrap();
    assert_eq!(browser.path().await, "/dashboard");
    assert!(browser.text().await.contains("Hello, ada"));
}

async fn assert_bound(browser: &Browser) {
    let session = "return fetch('/api/session').then(answer => answer.json())";
    let session = browser.script(session).await;
    assert!(session["bound_at"].is_string(), "{session}");
}

/// Panics unless the only audit event about the device is its binding.
fn assert_unsuspected(pair: &Pair) {
    let trail = pair.auth.output();
    assert_eq!(trail.matches("DEVICE_BOUND").count(), 1);
    for kind in ["DEVICE_PROOF_REFUSED", "THEFT_SUSPECTED"] {
        assert!(!trail.contains(kind), "{trail}");
    }
}

/// The number of refresh requests that web-service answered with this status.
fn refreshes(web: &Program, status: &str) -> usize {
    let lines = web.output();
    let answers = lines
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let is_refresh = |line: &Value| {
        line["span"]["path"] == "/session/refresh" && line["status"].to_string().contains(status)
    };
    answers.filter(is_refresh).count()
}

/// A page of another site, with a link.
async fn foreign_page(link: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let page = format!("<!doctype html><title>Elsewhere</title><a href='{link}'>go</a>");
            let length = page.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all((head + page.as_str()).as_bytes()).await;
        }
    });
    format!("http://{address}/")
}

#[tokio::test(flavor = "multi_thread")]
async fn browser_binds_session_and_renews_proof() {
    let redis = Redis::start().await;
    let mut pair = pair_on(&redis, &[]).await;
    let browser = Browser::start_with_device(&pair, false).await;
    signed_in(&pair, &browser).await;
    assert_bound(&browser).await;
    let cookie = browser.cookie(PROOF).await.unwrap();
    assert_eq!(cookie["httpOnly"], true);
    assert_eq!(cookie["secure"], true);
    assert_eq!(cookie["sameSite"], "Lax");
    assert_eq!(refreshes(&pair.web, "200"), 0);

    let_proof_go(&pair, &browser).await;
    assert_works(&pair, &browser).await;
    assert_eq!(refreshes(&pair.web, "200"), 1);
    assert_works(&pair, &browser).await;
    assert_eq!(refreshes(&pair.web, "200"), 1, "not with every request");

    let url = pair.site.url("/");
    browser.shorten_proof(PROOF, &url, 1.0).await;
    until("the end of the proof", async || {
        browser.cookie(PROOF).await.is_none().then_some(())
    })
    .await;
    assert_works(&pair, &browser).await;
    assert_eq!(refreshes(&pair.web, "200"), 2, "when it is over");

    let_proof_go(&pair, &browser).await;
    let eight = "return Promise.all([...Array(8)].map(() => fetch('/api/session').then(answer => answer.status)))";
    let statuses = browser.script(eight).await;
    assert_eq!(statuses, Value::from(vec![200; 8]));
    assert_eq!(refreshes(&pair.web, "200"), 3, "one for all of them");

    pair.restart_web().await;
    let_proof_go(&pair, &browser).await;
    assert_works(&pair, &browser).await;
    assert_bound(&browser).await;
    assert_eq!(refreshes(&pair.web, "200"), 1);
    browser
        .driver
        .goto(pair.site.url("/account/logins"))
        .await
        .unwrap();
    assert!(browser.text().await.contains("bound to this device since"));
    browser.picture("logins-bound").await;
    assert_unsuspected(&pair);
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn link_on_other_site_with_expired_proof_is_followed() {
    let redis = Redis::start().await;
    let pair = pair_on(&redis, &[]).await;
    let browser = Browser::start_with_device(&pair, false).await;
    signed_in(&pair, &browser).await;
    for (path, expected) in [
        ("/dashboard", "/dashboard"),
        ("/account/logins?from=elsewhere", "/account/logins"),
        ("/login?next=/dashboard", "/dashboard"),
    ] {
        let elsewhere = foreign_page(pair.site.url(path)).await;
        let_proof_go(&pair, &browser).await;
        browser.driver.goto(elsewhere).await.unwrap();
        let link = browser.driver.find(By::Tag("a")).await.unwrap();
        link.click().await.unwrap();
        until("the page behind the link", async || {
            browser.text().await.contains("Sign out").then_some(())
        })
        .await;
        assert_eq!(browser.path().await, expected);
        assert!(browser.cookie(PROOF).await.is_some(), "{path}");
    }
    assert_eq!(refreshes(&pair.web, "200"), 3);
    assert_unsuspected(&pair);
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copied_cookies_work_until_proof_expires_and_session_cookie_alone_never() {
    let redis = Redis::start().await;
    let mut pair = pair_on(&redis, &[]).await;
    let browser = Browser::start_with_device(&pair, false).await;
    signed_in(&pair, &browser).await;
    let copy = async |name| {
        let cookie = browser.cookie(name).await.unwrap();
        format!("{name}={}", cookie["value"].as_str().unwrap())
    };
    let (session, proof) = (copy(SESSION).await, copy(PROOF).await);
    let alone = pair.site.get("/api/session", &session).await;
    assert_eq!(alone.status(), 401);
    pair.auth.printed("THEFT_SUSPECTED").await;
    let both = format!("{session}; {proof}");
    assert_eq!(pair.site.get("/api/session", &both).await.status(), 200);
    assert_works(&pair, &browser).await;

    browser.press("Sign out").await;
    assert!(browser.cookie(SESSION).await.is_none());
    assert!(browser.cookie(PROOF).await.is_none());
    assert_eq!(pair.site.get("/api/session", &both).await.status(), 401);
    // The browser has deleted the key, so web-service requests no proof with it.
    browser.driver.goto(pair.site.url("/login")).await.unwrap();
    assert_eq!(refreshes(&pair.web, ""), 0);

    signed_in(&pair, &browser).await;
    assert_bound(&browser).await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_outage_keeps_bound_sessions() {
    let mut redis = Redis::start().await;
    let pair = pair_on(&redis, &[]).await;
    let browser = Browser::start_with_device(&pair, false).await;
    signed_in(&pair, &browser).await;
    let_proof_go(&pair, &browser).await;
    redis.hang(true);
    browser
        .driver
        .goto(pair.site.url("/dashboard"))
        .await
        .unwrap();
    let text = browser.text().await;
    assert!(text.contains("We cannot do this right now"), "{text}");
    assert!(refreshes(&pair.web, "503") > 0);

    redis.hang(false);
    redis.restart().await;
    until("the dashboard", async || {
        browser
            .driver
            .goto(pair.site.url("/dashboard"))
            .await
            .unwrap();
        browser.text().await.contains("Hello, ada").then_some(())
    })
    .await;
    assert_bound(&browser).await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refresh_quota_of_chromium_suffices() {
    let redis = Redis::start().await;
    let pair = pair_on(&redis, &[]).await;
    let browser = Browser::start_with_device(&pair, true).await;
    signed_in(&pair, &browser).await;
    // The number of expired proofs in nine minutes, plus one.
    for round in 1..=3 {
        let_proof_go(&pair, &browser).await;
        assert_works(&pair, &browser).await;
        assert_eq!(refreshes(&pair.web, "200"), round);
    }
    assert_bound(&browser).await;
    assert_unsuspected(&pair);
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_behind_one_address_share_binding() {
    let redis = Redis::start().await;
    let port = port::free();
    let public = ("WEB_PUBLIC_URL", format!("https://localhost:{port}"));
    let mut pair = pair_on(&redis, &[public]).await;
    let file = |name| pair.directory.path().join(name).display().to_string();
    let certificate = [
        ("WEB_TLS_CERT", file("localhost.pem")),
        ("WEB_TLS_KEY", file("localhost.key")),
    ];
    pair.options.web.extend(certificate);
    let (_second, second) = pair.another_web_at().await;
    let balancer = Balancer::start(port, vec![pair.web_address, second]).await;
    pair.site.origin = format!("https://localhost:{port}");

    let browser = Browser::start_with_device(&pair, false).await;
    signed_in(&pair, &browser).await;
    for _ in 0..4 {
        balancer.cut();
        let_proof_go(&pair, &browser).await;
        assert_works(&pair, &browser).await;
    }
    assert_bound(&browser).await;
    assert!(balancer.connection_counts().iter().all(|count| *count > 0));
    assert_unsuspected(&pair);
    browser.quit().await;
}
