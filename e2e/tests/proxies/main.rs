//! The reverse proxy configurations of `deploy/`, as shipped. A test program of its own, as they name fixed ports.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod application;
mod cookies;
mod doctor;
mod fixture;
mod proxy;
mod sockets;

use std::{
    fs,
    path::{Path, PathBuf},
};

use e2e::{
    pair::PASSWORD,
    site::{cookie_of, form_token},
    wait::until,
};
use reqwest::{Method, Response};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use self::{
    application::identity,
    fixture::Fixture,
    proxy::{CADDY, HAPROXY, HAPROXY_OF_APPLICATION, NGINX, NGINX_OF_WEB_SERVICE, Proxy},
};

/// Serializes the tests, which use the same ports.
static PORTS: Mutex<()> = Mutex::const_new(());

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

/// Checks all that a proxy in front of an application has to do.
async fn check_proxy(proxy: Proxy) {
    let _serialized = PORTS.lock().await;
    let mut fixture = Fixture::start(proxy, "https://localhost:8443").await;
    browser_is_redirected_to_sign_in_and_back(&fixture).await;
    program_gets_401(&fixture).await;
    forged_identity_headers_are_removed(&fixture).await;
    cookies::application_gets_no_holdfast_cookie(&fixture).await;
    cookies::foreign_cookies_are_passed_on(&fixture).await;
    sockets::websocket_is_decided_like_a_request(&fixture).await;
    foreign_page_changes_nothing(&fixture).await;
    path_is_decided_and_passed_on_as_sent(&fixture).await;
    ended_login_is_denied(&fixture).await;

    let cookie = fixture.pair.site.form_login("ada").await;
    let served = fixture.application.served();
    fixture.pair.web.signal(Signal::KILL);
    fixture.pair.web.exit().await;
    let denied = fixture.get("/", &[("cookie", &cookie)]).await;
    assert_eq!(
        denied.status(),
        fixture.proxy.denied,
        "{}",
        fixture.proxy.directory
    );
    assert_eq!(fixture.application.served(), served, "nothing passed");
}

async fn browser_is_redirected_to_sign_in_and_back(fixture: &Fixture) {
    let site = &fixture.pair.site;
    let sent = fixture
        .get(
            "/orders?page=2",
            &[("accept", "text/html"), ("sec-fetch-mode", "navigate")],
        )
        .await;
    assert_eq!(sent.status(), 303, "{}", fixture.proxy.directory);
    let sign_in = header(&sent, "location").to_owned();
    assert!(
        sign_in.starts_with("https://localhost:8443/login?next=%2Fcontinue"),
        "{sign_in}"
    );

    // A long address is kept completely.
    let long = format!("/orders?filter={}", "%C3%A4".repeat(700));
    let navigates = [("accept", "text/html"), ("sec-fetch-mode", "navigate")];
    let sent = fixture.get(&long, &navigates).await;
    assert_eq!(sent.status(), 303, "{}", fixture.proxy.directory);
    assert!(header(&sent, "location").contains("%2525C3"));

    let client = site.client();
    let page = client.get(&sign_in).send().await.unwrap();
    let form_cookie = cookie_of(&page, "__Host-login").unwrap();
    let html = page.text().await.unwrap();
    let next = html
        .split_once(r#"name="next" value=""#)
        .unwrap()
        .1
        .split('"')
        .next()
        .unwrap();
    let next = next.replace("&#38;", "&").replace("&amp;", "&");
    let fields = [
        ("username", "ada"),
        ("password", PASSWORD),
        ("next", &next),
        ("csrf_token", &form_token(&html)),
    ];
    let signed_in = site.post_form("/login", &form_cookie, &fields).await;
    let cookie = cookie_of(&signed_in, "__Host-session").unwrap();
    let onward = site
        .post_form(header(&signed_in, "location"), &cookie, &[])
        .await;
    let wanted = format!("{}/orders?page=2", fixture.proxy.origin());
    assert_eq!(header(&onward, "location"), wanted);

    let cookies = format!("theme=dark; {cookie}; language=en");
    let passed = fixture.get("/orders?page=2", &[("cookie", &cookies)]).await;
    assert_eq!(passed.status(), 200);
    let echo: Value = passed.json().await.unwrap();
    assert_eq!(echo["request"], "GET /orders?page=2 HTTP/1.1");
    assert_eq!(identity(&echo), fixture.ada(&cookie).await);
    let text = echo.to_string();
    assert!(
        text.contains("theme=dark") && text.contains("language=en"),
        "{text}"
    );
    assert!(
        !text.contains("__Host-session"),
        "the application does not see the cookie: {text}"
    );
}

async fn program_gets_401(fixture: &Fixture) {
    let served = fixture.application.served();
    for headers in [
        &[][..],
        &[("accept", "application/json")],
        &[("authorization", "Bearer a.b.c"), ("accept", "text/html")],
    ] {
        assert_eq!(fixture.get("/", headers).await.status(), 401, "{headers:?}");
    }
    assert_eq!(fixture.application.served(), served, "nothing passed");
    let tokens = fixture.pair.site.tokens("ada").await;
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let passed = fixture.get("/", &[("authorization", &bearer)]).await;
    let echo: Value = passed.json().await.unwrap();
    let identity = identity(&echo);
    assert!(
        identity.contains(&("x-auth-method".to_owned(), "bearer".to_owned())),
        "{identity:?}"
    );
    assert!(
        identity.contains(&("x-auth-user".to_owned(), "ada".to_owned())),
        "{identity:?}"
    );
    assert!(
        !echo.to_string().contains("Bearer"),
        "nor the token: {echo}"
    );
}

async fn forged_identity_headers_are_removed(fixture: &Fixture) {
    let cookie = fixture.pair.site.form_login("ada").await;
    let expected = fixture.ada(&cookie).await;
    let forged = [
        ("cookie", cookie.as_str()),
        ("X-Auth-User", "root"),
        ("x-auth-user", "root"),
        ("X_Auth_User", "root"),
        ("X-Auth_User", "root"),
        ("x_auth_subject", "root"),
        ("X.Auth.User", "root"),
        ("X-Auth.User", "root"),
        ("x.auth-login", "root"),
        ("x~auth~subject", "root"),
        ("x*auth!user", "root"),
        ("X-Auth-Login", "root"),
        ("X-Auth-Login", "root"),
        ("X-AUTH-SCOPE", "admin"),
        ("X-Auth-Acr", "phr"),
        ("X.Auth_Amr", "hwk"),
        ("X-Auth-Anything", "else"),
        ("X-Original-Method", "GET"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-For", "203.0.113.9"),
    ];
    let passed = fixture.get("/", &forged).await;
    let echo: Value = passed.json().await.unwrap();
    let seen = identity(&echo);
    let known: Vec<_> = seen
        .iter()
        .filter(|(name, _)| name != "x-auth-anything")
        .cloned()
        .collect();
    assert_eq!(known, expected, "{}", fixture.proxy.directory);
}

async fn foreign_page_changes_nothing(fixture: &Fixture) {
    let cookie = fixture.pair.site.form_login("ada").await;
    let own = fixture.proxy.origin();
    for (headers, expected) in [
        (&[][..], 403),
        (&[("sec-fetch-site", "same-origin")], 200),
        (&[("sec-fetch-site", "cross-site")], 403),
        (&[("sec-fetch-site", "same-site"), ("origin", &own)], 403),
        (&[("origin", &own)], 200),
        (&[("origin", "https://localhost:8443")], 403),
        (&[("origin", "null")], 403),
        (
            &[("x-original-method", "GET"), ("x-forwarded-method", "GET")],
            403,
        ),
    ] {
        let headers = [&[("cookie", cookie.as_str())], headers].concat();
        for method in [Method::POST, Method::DELETE] {
            let answer = fixture.send(method, "/orders", &headers).await;
            assert_eq!(
                answer.status(),
                expected,
                "{}: {headers:?}",
                fixture.proxy.directory
            );
        }
    }
}

async fn path_is_decided_and_passed_on_as_sent(fixture: &Fixture) {
    let cookie = fixture.pair.site.form_login("ada").await;
    for path in [
        "/a//b",
        "//a/b",
        "/a/%2e%2e/b",
        "/a/../b",
        "/a;b=c/d",
        "/a%2fb",
        "/a%252fb",
        "/auth/verify",
    ] {
        let served = fixture.application.served();
        let denied = fixture.raw_get(path, "a=b").await;
        assert!(
            denied.contains(" 401 "),
            "{}: {path}: {denied}",
            fixture.proxy.directory
        );
        assert_eq!(
            fixture.application.served(),
            served,
            "{path}: nothing passed"
        );
        let passed = fixture.raw_get(path, &cookie).await;
        assert!(
            passed.contains(" 200 "),
            "{}: {path}: {passed}",
            fixture.proxy.directory
        );
        let expected = format!(r#""request":"GET {path} HTTP/1.1""#);
        assert!(
            passed.contains(&expected),
            "{}: {passed}",
            fixture.proxy.directory
        );
    }
    let internal = fixture.raw_get("/_holdfast", &cookie).await;
    assert!(
        internal.contains(" 404 ") || internal.contains(" 200 "),
        "{internal}"
    );
}

async fn ended_login_is_denied(fixture: &Fixture) {
    let site = &fixture.pair.site;
    let (cookie, other) = (site.form_login("ada").await, site.form_login("ada").await);
    assert_eq!(fixture.get("/", &[("cookie", &cookie)]).await.status(), 200);
    let token = site.page_token("/account/logins", &other).await;
    let form = [("csrf_token", token.as_str())];
    site.post_form("/account/logins/end-others", &other, &form)
        .await;
    until("the end to be felt", async || {
        (fixture.get("/", &[("cookie", &cookie)]).await.status() == 401).then_some(())
    })
    .await;
    let navigation = [("cookie", cookie.as_str()), ("accept", "text/html")];
    assert_eq!(fixture.get("/", &navigation).await.status(), 303);
    assert_eq!(fixture.get("/", &[("cookie", &other)]).await.status(), 200);
}

#[tokio::test]
async fn nginx_passes_only_authenticated_requests() {
    check_proxy(NGINX).await;
}

#[tokio::test]
async fn caddy_passes_only_authenticated_requests() {
    check_proxy(CADDY).await;
}

#[tokio::test]
async fn haproxy_passes_only_authenticated_requests() {
    check_proxy(HAPROXY_OF_APPLICATION).await;
}

#[tokio::test]
async fn haproxy_in_front_keeps_client_addresses_and_removes_traces() {
    check_front(HAPROXY).await;
}

#[tokio::test]
async fn nginx_in_front_keeps_client_addresses_and_removes_traces() {
    check_front(NGINX_OF_WEB_SERVICE).await;
}

/// Checks all that a proxy in front of web-service has to do.
async fn check_front(proxy: Proxy) {
    const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let _serialized = PORTS.lock().await;
    let public_url = proxy.origin();
    let mut fixture = Fixture::start(proxy, &public_url).await;
    let body = json!({"username": "ada", "password": PASSWORD});
    let url = format!("{public_url}/api/login");
    let request = fixture.pair.site.client().post(url).json(&body);
    let answer = request
        .header("x-forwarded-for", "203.0.113.9")
        .header("traceparent", format!("00-{TRACE_ID}-00f067aa0ba902b7-01"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    until("the sign-in to be logged", async || {
        let output = fixture.pair.auth.output();
        let line = output.lines().find(|line| line.contains("SIGNED_IN"))?;
        assert!(
            line.contains("127.0.0.1") && !line.contains("203.0.113.9"),
            "{line}"
        );
        Some(())
    })
    .await;
    until("the sign-in to be answered", async || {
        let output = fixture.pair.web.output();
        let mut lines = output.lines();
        let line = lines.find(|line| line.contains("/api/login") && line.contains("answered"))?;
        assert!(!line.contains(TRACE_ID), "{line}");
        Some(())
    })
    .await;
    for (count, expected) in [(150, 200), (500, 431)] {
        let cookie_pair = ("cookie", "theme=0123456789012345678901234567890123456789");
        let page = fixture.get("/login", &vec![cookie_pair; count]).await;
        assert_eq!(page.status(), expected);
        let text = page.text().await.unwrap();
        assert!(
            expected == 200 || text.contains("too many cookies"),
            "{text}"
        );
    }
    fixture.pair.web.signal(Signal::KILL);
    fixture.pair.web.exit().await;
    let status = fixture.get("/api/session", &[]).await.status();
    assert_eq!(status, fixture.proxy.denied);
}

/// The settings of web-service that the files of `deploy/` name exist: `docs/CONFIGURATION.md` is generated from them.
#[test]
fn settings_named_in_deploy_files_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let settings = fs::read_to_string(root.join("docs/CONFIGURATION.md")).unwrap();
    let files = [
        "nginx/nginx.conf",
        "nginx/web-service.conf",
        "caddy/Caddyfile",
        "haproxy/haproxy.cfg",
        "haproxy/application.cfg",
        "haproxy/holdfast.lua",
        "traefik/dynamic.yml",
        "envoy/envoy.yaml",
    ];
    for file in files.map(|file| root.join("deploy").join(file)) as [PathBuf; 8] {
        let text = fs::read_to_string(&file).unwrap();
        let words = text.split(|c: char| !c.is_ascii_uppercase() && c != '_');
        for name in words.filter(|word| word.starts_with("WEB_")) {
            assert!(
                settings.contains(&format!("`{name}`")),
                "{}: {name}",
                file.display()
            );
        }
    }
}
