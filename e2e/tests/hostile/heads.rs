//! Log lines about rejected request heads, and about unused headers of proxies.

use e2e::{
    pair::{Options, Pair},
    wait::until,
};
use reqwest::RequestBuilder;
use serde_json::json;

/// A pair whose web-service trusts this machine as a proxy, and logs at the most detailed level.
async fn talkative() -> Pair {
    Pair::start_with(Options {
        web: vec![
            ("WEB_LOG", "web_service=debug".to_owned()),
            ("WEB_TRUSTED_PROXIES", "127.0.0.1".to_owned()),
            ("WEB_RETURN_ORIGINS", "https://app.example".to_owned()),
        ],
        ..Options::default()
    })
    .await
}

fn lines(pair: &Pair, text: &str) -> Vec<String> {
    let output = pair.web.output();
    let found = output.lines().filter(|line| line.contains(text));
    found.map(str::to_owned).collect()
}

#[tokio::test]
async fn oversized_cookies_are_logged_in_one_line() {
    let mut pair = talkative().await;
    let client = pair.site.client();
    let cookies = format!("theme={}", "x".repeat(17_000));
    for _ in 0..50 {
        let request = client.get(pair.site.url("/login"));
        let answer = request.header("cookie", &cookies).send().await.unwrap();
        assert_eq!(answer.status(), 431);
    }
    let message = "request heads are too large, most often because of cookies; responding 431";
    let line = pair.web.logged(message).await;
    assert_eq!(
        (&line["level"], &line["refused"]),
        (&json!("WARN"), &json!(1))
    );
    assert_eq!(line["cookies"], cookies.len());
    assert_eq!(lines(&pair, message).len(), 1, "the others are counted");
    assert!(!pair.web.output().contains("xxx"), "no cookie is logged");
}

#[tokio::test]
async fn unused_forwarded_header_is_logged() {
    let pair = talkative().await;
    let client = pair.site.client();
    let verify = || -> RequestBuilder {
        let request = client.get(pair.site.url("/auth/verify"));
        request
            .header("x-forwarded-method", "GET")
            .header("x-forwarded-uri", "/orders")
    };
    let sign_in = || {
        let body = json!({"username": "nobody", "password": "wrong"});
        client.post(pair.site.url("/api/login")).json(&body)
    };
    for (request, line) in [
        (
            verify()
                .header("x-forwarded-proto", "gopher")
                .header("x-forwarded-host", "app.example"),
            "the scheme is none of https, wss, http and ws",
        ),
        (
            verify()
                .header("x-forwarded-proto", "https")
                .header("x-forwarded-host", "user@app.example"),
            "the host is not a host with an optional port",
        ),
        (
            verify()
                .header("x-forwarded-proto", "https")
                .header("x-forwarded-host", "evil.example, app.example"),
            "several hosts that differ",
        ),
        (
            verify().header("x-original-uri", "/other"),
            "x-original-uri and x-forwarded-uri are both present",
        ),
        (
            verify().header("x-forwarded-method", "POST"),
            "x-forwarded-method is repeated",
        ),
        (
            sign_in().header("x-forwarded-for", "unknown"),
            "X-Forwarded-For contains a value that is not an address",
        ),
        (
            sign_in().header("forwarded", "for=192.0.2.1;proto=https"),
            "Forwarded (RFC 7239) is not read",
        ),
    ] {
        assert!(lines(&pair, line).is_empty(), "{line}");
        request.send().await.unwrap();
        until(line, async || {
            let text = lines(&pair, line);
            (!text.is_empty()).then_some(())
        })
        .await;
        let text = lines(&pair, line);
        assert!(text[0].contains("DEBUG"), "{text:?}");
    }
}
