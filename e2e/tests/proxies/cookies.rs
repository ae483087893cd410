//! Cookies on their way through a proxy: Holdfast gets its own, the application all others.

use reqwest::{Method, Response, Version};
use serde_json::Value;
use tokio::io::AsyncReadExt as _;

use crate::fixture::World;

/// In every cookie of ours but the session's. It opens nothing, and nobody but Holdfast is to see it.
const SECRET: &str = "AAAASECRETAAAA";

/// The request with these cookies, each by itself where HTTP/2 is spoken.
async fn get_with_crumbs(world: &World, crumbs: &[&str], headers: &[(&str, &str)]) -> Response {
    let crumbs = crumbs.iter().map(|crumb| ("cookie", *crumb));
    let all: Vec<_> = crumbs.chain(headers.iter().copied()).collect();
    let answer = world.send(Method::GET, "/", &all).await;
    assert_eq!(answer.version(), Version::HTTP_2);
    answer
}

/// The answer over HTTP/1.1, where the cookies stand in one line as they are; the application echoes what it was sent.
async fn answer_over_http1(world: &World, cookies: &str, authorization: &str) -> String {
    let fields = format!("Cookie: {cookies}\r\n{authorization}Connection: close\r\n");
    let mut stream = world.raw("/", &fields).await;
    let mut answer = Vec::new();
    // Some end the connection without a farewell.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

pub(crate) async fn the_application_sees_none_of_ours(world: &World) {
    let name = world.proxy.directory;
    let session = world.pair.site.form_login("ada").await;
    let id = session.split_once('=').unwrap().1.to_owned();
    let assert_withheld = |answer: &str, what: &str| {
        assert!(answer.contains("theme=dark"), "{name}: {what}: {answer}");
        for hidden in [&id, SECRET, "__Host-"] {
            assert!(!answer.contains(hidden), "{name}: {what}: {answer}");
        }
    };
    let ours = |cookie: &str| format!("__Host-{cookie}={SECRET}");
    let (proof, known, login) = (ours("session-proof"), ours("known"), ours("login"));

    // By the cookie itself: in any order and number, and with another one planted to be found first.
    for cookies in [
        format!("theme=dark; {session}"),
        format!("{session}; theme=dark"),
        format!("{session};theme=dark"),
        format!(" {session} ;\ttheme=dark "),
        format!("theme=dark; {session}; {proof}; {known}; {login}"),
        format!("{login}; {known}; theme=dark; {proof}; {session}"),
        format!("x__Host-session=1; {session}; theme=dark"),
        format!("x__Host-session=1; x__Host-known=1; {known}; {session}; theme=dark"),
        format!("x=__Host-session=1; {session}; theme=dark"),
        format!("__Host-session-proof=1; {session}; theme=dark; x__Host-session-proof=2"),
        format!("__host-session=1; {session}; theme=dark"),
    ] {
        let answer = answer_over_http1(world, &cookies, "").await;
        assert!(answer.contains(" 200 "), "{name}: {cookies}: {answer}");
        assert_withheld(&answer, &cookies);
        let crumbs: Vec<_> = cookies.split(';').map(str::trim).collect();
        let passed = get_with_crumbs(world, &crumbs, &[]).await;
        assert_eq!(passed.status(), 200, "{name}: {crumbs:?}");
        assert_withheld(&passed.text().await.unwrap(), &cookies);
    }

    // By a token, beside which no cookie counts, however it is written.
    let tokens = world.pair.site.tokens("ada").await;
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let authorization = format!("Authorization: {bearer}\r\n");
    for cookies in [
        format!("{session}; {session}; theme=dark"),
        format!("__Host-session ={SECRET}; theme=dark; __Host-session\t=  {SECRET}"),
        format!("__HOST-SESSION={SECRET}; theme=dark"),
        format!("a=\"; {session}; theme=dark; b=\""),
    ] {
        let answer = answer_over_http1(world, &cookies, &authorization).await;
        assert!(answer.contains(" 200 "), "{name}: {cookies}: {answer}");
        assert_withheld(&answer, &cookies);
    }
    // Where it is written in more ways than anybody needs, the application may lose its own.
    let many = vec![session.as_str(); 40].join("; ");
    let answer = answer_over_http1(world, &many, &authorization).await;
    assert!(
        answer.contains(" 200 ") && !answer.contains(&id),
        "{name}: {answer}"
    );
    let lines = format!("theme=dark\r\nCookie: {session}\r\nCookie: {known}");
    let answer = answer_over_http1(world, &lines, &authorization).await;
    assert!(
        !answer.contains(&id) && !answer.contains(SECRET),
        "{name}: {answer}"
    );

    // Two of one name are none, and what a proxy picks for Holdfast must not make them one.
    let doubled = format!("{session}; theme=dark; __Host-session={SECRET}");
    for cookies in [doubled, format!("{session}; {session}")] {
        let answer = answer_over_http1(world, &cookies, "").await;
        assert!(answer.contains(" 401 "), "{name}: {cookies}: {answer}");
    }
}

/// More of them than web-service takes.
pub(crate) async fn those_of_others_are_in_nobodys_way(world: &World) {
    let name = world.proxy.directory;
    let session = world.pair.site.form_login("ada").await;
    let others: Vec<_> = (0..200)
        .map(|number| format!("c{number}={}", "x".repeat(90)))
        .collect();
    assert!(others.join("; ").len() > 17 * 1024);
    let crumbs = others.iter().map(String::as_str).chain([session.as_str()]);
    let crumbs: Vec<_> = crumbs.collect();
    let passed = get_with_crumbs(world, &crumbs, &[]).await;
    assert_eq!(passed.status(), 200, "{name}");
    let answer: Value = passed.json().await.unwrap();
    assert!(answer.to_string().contains("c199="), "{name}: {answer}");
    let one_line = crumbs.join("; ");
    let answer = answer_over_http1(world, &one_line, "").await;
    assert!(answer.contains(" 200 "), "{name}: {answer}");
    assert!(answer.contains("c199="), "{name}: {answer}");
}
