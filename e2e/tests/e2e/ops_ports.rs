//! The ops ports: they answer while the services are overloaded, and nothing of them is reachable elsewhere.

use std::time::{Duration, Instant};

use e2e::{
    flood,
    pair::{PASSWORD, Pair},
    program::{output, run},
};
use futures_util::future::join_all;
use reqwest::Client;
use tokio::process::Command;

const PATHS: [&str; 3] = ["/livez", "/readyz", "/metrics"];

/// Requests to web-service at once.
const REQUESTS: usize = 300;

/// Shorter than the timeout of a scrape (ten seconds) and of usual probes.
const DEADLINE: Duration = Duration::from_secs(5);

/// Queries every path of two ops ports once, and returns the longest time that an answer took.
async fn query(ports: [&str; 2]) -> Duration {
    let client = Client::builder().no_proxy().build().unwrap();
    let mut longest = Duration::ZERO;
    for address in ports {
        for path in PATHS {
            let begun = Instant::now();
            let answer = client.get(format!("http://{address}{path}")).send().await;
            let answer = answer.unwrap();
            // An overloaded service may be unready.
            assert!(path == "/readyz" || answer.status() == 200, "{path}");
            assert!(!answer.text().await.unwrap().is_empty(), "{path}");
            longest = longest.max(begun.elapsed());
        }
    }
    longest
}

#[tokio::test]
async fn ops_ports_answer_while_the_services_are_overloaded() {
    let mut pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let (auth, web) = (pair.auth.ops_address().await, pair.web.ops_address().await);
    let address = pair.auth_address.to_string();
    let requests = join_all((0..REQUESTS).map(|_| pair.site.api_login("nobody", "wrong")));
    let overload = async { tokio::join!(flood::run(&address, "ada", PASSWORD), requests) };
    tokio::pin!(overload);
    let (mut longest, mut rounds) = (Duration::ZERO, 0);
    let (flooded, answers) = loop {
        tokio::select! {
            done = &mut overload => break done,
            took = query([&auth, &web]) => {
                longest = longest.max(took);
                rounds += 1;
            }
        }
    };
    assert!(flooded.refused > 0, "not overloaded: {flooded:?}");
    assert!(
        answers
            .iter()
            .any(|answer| answer.status() == 503 || answer.status() == 429)
    );
    assert!(rounds > 0);
    assert!(longest < DEADLINE, "{longest:?}");
}

#[tokio::test]
async fn paths_of_ops_ports_are_not_on_public_ports() {
    let pair = Pair::start().await;
    for path in PATHS {
        let answer = pair.site.client().get(pair.site.url(path)).send().await;
        assert_eq!(answer.unwrap().status(), 404, "{path}");
        let mut curl = Command::new("curl");
        let url = format!("http://{}{path}", pair.auth_address);
        curl.args(["--silent", "--include", "--http2-prior-knowledge", &url]);
        let (_, printed) = output(&mut curl).await;
        assert!(printed.starts_with("HTTP/2 405"), "{path}: {printed}");
    }
}

#[tokio::test]
async fn ops_ports_are_on_loopback_by_default() {
    for (program, listen) in [
        ("auth-service", "127.0.0.1:9051"),
        ("web-service", "127.0.0.1:9443"),
    ] {
        let (succeeded, help) = run(program, &["--help"], &[], "").await;
        assert!(succeeded);
        let setting = help.split("--ops-listen").nth(1).unwrap();
        let setting = setting.split("\n\n").next().unwrap();
        assert!(
            setting.contains(&format!("[default: {listen}]")),
            "{setting}"
        );
    }
}
