//! Cookies behind a proxy: Holdfast gets its own, the application all others.

use reqwest::{Method, Response, Version};
use serde_json::Value;
use tokio::io::AsyncReadExt as _;

use crate::fixture::Fixture;

/// The value of every cookie of Holdfast other than the session cookie. Only Holdfast may receive it.
const SECRET: &str = "AAAASECRETAAAA";

/// The request with these cookies, each in a field of its own over HTTP/2.
async fn get_with_cookie_pairs(
    fixture: &Fixture,
    cookie_pairs: &[&str],
    headers: &[(&str, &str)],
) -> Response {
    let cookie_pairs = cookie_pairs
        .iter()
        .map(|cookie_pair| ("cookie", *cookie_pair));
    let all: Vec<_> = cookie_pairs.chain(headers.iter().copied()).collect();
    let answer = fixture.send(Method::GET, "/", &all).await;
    assert_eq!(answer.version(), Version::HTTP_2);
    answer
}

/// The response over HTTP/1.1, with all cookies in one line; the application echoes the request.
async fn response_over_http_1_1(fixture: &Fixture, cookies: &str, authorization: &str) -> String {
    let fields = format!("Cookie: {cookies}\r\n{authorization}Connection: close\r\n");
    let mut stream = fixture.raw("/", &fields).await;
    let mut answer = Vec::new();
    // Some proxies close the connection without a TLS close_notify.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn assert_withheld(proxy: &str, id: &str, answer: &str, what: &str) {
    assert!(answer.contains("theme=dark"), "{proxy}: {what}: {answer}");
    for hidden in [id, SECRET, "__Host-"] {
        assert!(!answer.contains(hidden), "{proxy}: {what}: {answer}");
    }
}

pub(crate) async fn application_gets_no_holdfast_cookie(fixture: &Fixture) {
    let name = fixture.proxy.directory;
    let session = fixture.pair.site.form_login("ada").await;
    let id = session.split_once('=').unwrap().1.to_owned();
    let assert_withheld = |answer: &str, what: &str| assert_withheld(name, &id, answer, what);
    let ours = |cookie: &str| format!("__Host-{cookie}={SECRET}");
    let (proof, known, login) = (ours("session-proof"), ours("known"), ours("login"));
    let (attempt, trusted) = (ours("attempt"), ours("trusted"));

    // Authenticated by the cookie: in any order and number, and after a planted one.
    for cookies in [
        format!("theme=dark; {session}"),
        format!("{session}; theme=dark"),
        format!("{session};theme=dark"),
        format!(" {session} ;\ttheme=dark "),
        format!("theme=dark; {session}; {proof}; {known}; {login}"),
        format!("{login}; {known}; theme=dark; {proof}; {session}"),
        format!("{attempt}; {login}; {known}; theme=dark; {trusted}; {proof}; {session}"),
        format!("x__Host-session=1; {session}; theme=dark"),
        format!("x__Host-session=1; x__Host-known=1; {known}; {session}; theme=dark"),
        format!("x=__Host-session=1; {session}; theme=dark"),
        format!("__Host-session-proof=1; {session}; theme=dark; x__Host-session-proof=2"),
        format!("__host-session=1; {session}; theme=dark"),
    ] {
        let answer = response_over_http_1_1(fixture, &cookies, "").await;
        assert!(answer.contains(" 200 "), "{name}: {cookies}: {answer}");
        assert_withheld(&answer, &cookies);
        let cookie_pairs: Vec<_> = cookies.split(';').map(str::trim).collect();
        let passed = get_with_cookie_pairs(fixture, &cookie_pairs, &[]).await;
        assert_eq!(passed.status(), 200, "{name}: {cookie_pairs:?}");
        assert_withheld(&passed.text().await.unwrap(), &cookies);
    }

    repeated_cookies_of_holdfast_are_withheld(fixture, &session, &known).await;

    // Two cookies of one name are rejected, also when the proxy selects cookies for Holdfast.
    let doubled = format!("{session}; theme=dark; __Host-session={SECRET}");
    for cookies in [doubled, format!("{session}; {session}")] {
        let answer = response_over_http_1_1(fixture, &cookies, "").await;
        assert!(answer.contains(" 401 "), "{name}: {cookies}: {answer}");
    }
}

/// Authenticated by a token, beside which cookies are ignored.
async fn repeated_cookies_of_holdfast_are_withheld(fixture: &Fixture, session: &str, known: &str) {
    let name = fixture.proxy.directory;
    let id = session.split_once('=').unwrap().1.to_owned();
    let tokens = fixture.pair.site.tokens("ada").await;
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let authorization = format!("Authorization: {bearer}\r\n");
    for cookies in [
        format!("{session}; {session}; theme=dark"),
        format!("__Host-session ={SECRET}; theme=dark; __Host-session\t=  {SECRET}"),
        format!("__HOST-SESSION={SECRET}; theme=dark"),
        format!("a=\"; {session}; theme=dark; b=\""),
    ] {
        let answer = response_over_http_1_1(fixture, &cookies, &authorization).await;
        assert!(answer.contains(" 200 "), "{name}: {cookies}: {answer}");
        assert_withheld(name, &id, &answer, &cookies);
    }
    // With unusual spellings the application may lose its own cookies.
    let many = vec![session; 40].join("; ");
    let answer = response_over_http_1_1(fixture, &many, &authorization).await;
    assert!(
        answer.contains(" 200 ") && !answer.contains(&id),
        "{name}: {answer}"
    );
    let lines = format!("theme=dark\r\nCookie: {session}\r\nCookie: {known}");
    let answer = response_over_http_1_1(fixture, &lines, &authorization).await;
    assert!(
        !answer.contains(&id) && !answer.contains(SECRET),
        "{name}: {answer}"
    );
}

/// More cookies than web-service accepts.
pub(crate) async fn foreign_cookies_are_passed_on(fixture: &Fixture) {
    let name = fixture.proxy.directory;
    let session = fixture.pair.site.form_login("ada").await;
    let others: Vec<_> = (0..200)
        .map(|number| format!("c{number}={}", "x".repeat(90)))
        .collect();
    assert!(others.join("; ").len() > 17 * 1024);
    let cookie_pairs = others.iter().map(String::as_str).chain([session.as_str()]);
    let cookie_pairs: Vec<_> = cookie_pairs.collect();
    let passed = get_with_cookie_pairs(fixture, &cookie_pairs, &[]).await;
    assert_eq!(passed.status(), 200, "{name}");
    let answer: Value = passed.json().await.unwrap();
    assert!(answer.to_string().contains("c199="), "{name}: {answer}");
    let one_line = cookie_pairs.join("; ");
    let answer = response_over_http_1_1(fixture, &one_line, "").await;
    assert!(answer.contains(" 200 "), "{name}: {answer}");
    assert!(answer.contains("c199="), "{name}: {answer}");
}
