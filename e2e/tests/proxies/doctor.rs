//! `web-service doctor` behind a proxy: what its probe finds of the header with the client's address.

use e2e::{
    pair::{Options, Pair},
    program::output,
};
use serde_json::Value;

use crate::{
    PORTS,
    proxy::{HAPROXY, NGINX_OF_WEB_SERVICE, Proxy},
};

const TRUSTED: &str = "127.0.0.1/32";

/// The findings about the public URL, which is that of a proxy in front of web-service. `trusted` is `WEB_TRUSTED_PROXIES`, unset where empty.
async fn findings(proxy: Proxy, trusted: &str) -> Vec<Value> {
    let _serialized = PORTS.lock().await;
    let pair = Pair::start_with(Options {
        auth: vec![("AUTH_ISSUER", proxy.origin())],
        web: vec![
            ("WEB_LISTEN", "127.0.0.1:8443".to_owned()),
            ("WEB_PUBLIC_URL", proxy.origin()),
            ("WEB_TRUSTED_PROXIES", trusted.to_owned()),
        ],
    })
    .await;
    let _running = proxy.start(&pair).await;
    let (_, text) = output(&mut pair.doctor("web-service")).await;
    let mut report: Value = serde_json::from_str(&text).unwrap();
    let mut findings = std::mem::take(report["findings"].as_array_mut().unwrap());
    findings.retain(|finding| {
        finding["check"]
            .as_str()
            .unwrap()
            .starts_with("public_url.")
    });
    findings
}

/// Asserts that all is well behind a proxy as shipped, and that the probe went through it.
async fn assert_fine(proxy: Proxy) {
    let findings = findings(proxy, TRUSTED).await;
    assert!(findings.len() >= 8, "{findings:#?}");
    for finding in &findings {
        assert_eq!(finding["severity"], "ok", "{findings:#?}");
    }
    let found = found(&findings, "ok");
    assert!(found.starts_with("behind the proxy 127.0.0.1"), "{found}");
}

/// What was found of the proxy, with this severity.
fn found<'a>(findings: &'a [Value], severity: &str) -> &'a str {
    let mut findings = findings.iter();
    let finding = findings.find(|finding| finding["check"] == "public_url.proxies");
    let finding = finding.unwrap();
    assert_eq!(finding["severity"], severity, "{finding:#?}");
    finding["found"].as_str().unwrap()
}

const NGINX_HEADER: &str = "proxy_set_header X-Forwarded-For $remote_addr;";
const HAPROXY_HEADER: &str = "http-request set-header X-Forwarded-For %[src]";

#[tokio::test]
async fn doctor_finds_nothing_behind_nginx_as_shipped() {
    assert_fine(NGINX_OF_WEB_SERVICE).await;
}

#[tokio::test]
async fn doctor_finds_nothing_behind_haproxy_as_shipped() {
    assert_fine(HAPROXY).await;
}

#[tokio::test]
async fn doctor_finds_that_a_proxy_passes_forged_entries_on() {
    for proxy in [
        NGINX_OF_WEB_SERVICE.edited(NGINX_HEADER, ""),
        HAPROXY.edited(HAPROXY_HEADER, ""),
    ] {
        let findings = findings(proxy, TRUSTED).await;
        let found = found(&findings, "error");
        assert!(found.contains("forged entry"), "{found}");
    }
}

#[tokio::test]
async fn doctor_finds_that_a_proxy_sends_no_client_address() {
    for (header, text) in [
        (
            "proxy_set_header X-Forwarded-For \"\";",
            "sends no X-Forwarded-For",
        ),
        ("proxy_set_header X-Forwarded-For unknown;", "is no address"),
    ] {
        let proxy = NGINX_OF_WEB_SERVICE.edited(NGINX_HEADER, header);
        let findings = findings(proxy, TRUSTED).await;
        let found = found(&findings, "warning");
        assert!(found.contains(text), "{found}");
    }
}

#[tokio::test]
async fn doctor_finds_that_a_proxy_is_not_trusted() {
    for proxy in [NGINX_OF_WEB_SERVICE, HAPROXY] {
        let findings = findings(proxy, "").await;
        let found = found(&findings, "warning");
        assert!(found.contains("is not trusted"), "{found}");
    }
}
