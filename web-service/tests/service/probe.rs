//! The probe of `doctor`, by which the route shows how a request arrived (ADR 43).

use std::{sync::Arc, time::Duration};

use holdfast_crypto::random::SystemRandom;
use reqwest::{Method, Response};
use secrecy::SecretBox;
use web_service::request::probe::{Arrival, HEADER, PATH, Probes};

use crate::support::Site;

/// The header of a probe with this key.
fn probe(site: &Site, key: u8) -> String {
    let key = SecretBox::new(Box::new([key; 32]));
    Probes::new(&key, Arc::new(site.clock.clone())).header(&SystemRandom)
}

/// The key of the sites in these tests.
const KEY: u8 = 2;

async fn send(site: &Site, header: &str, forwarded_for: &[&str]) -> Response {
    let request = site.request(Method::GET, PATH).header(HEADER, header);
    let request = forwarded_for.iter().fold(request, |request, entry| {
        request.header("x-forwarded-for", *entry)
    });
    request.send().await.unwrap()
}

#[tokio::test]
async fn probe_shows_the_peer_and_the_client_behind_a_trusted_proxy() {
    let site = Site::start_behind(["127.0.0.0/8"]).await;
    let entries = ["192.0.2.1, 198.51.100.9"];
    let response = send(&site, &probe(&site, KEY), &entries).await;
    assert_eq!(response.status(), 200);
    let arrival: Arrival = response.json().await.unwrap();
    assert!(arrival.peer.ip().is_loopback() && arrival.is_trusted);
    assert_eq!(arrival.forwarded_for, ["192.0.2.1", "198.51.100.9"]);
    assert_eq!(arrival.client.to_string(), "198.51.100.9");
}

#[tokio::test]
async fn forged_entry_of_an_untrusted_peer_is_shown_and_not_used() {
    let site = Site::start().await;
    let response = send(&site, &probe(&site, KEY), &["192.0.2.1"]).await;
    let arrival: Arrival = response.json().await.unwrap();
    assert!(!arrival.is_trusted);
    assert_eq!(arrival.forwarded_for, ["192.0.2.1"]);
    assert_eq!(arrival.client, arrival.peer.ip());
}

/// What distinguishes a response: all but the time and the request id.
async fn content(response: Response) -> (u16, Vec<String>, String) {
    let headers = response.headers().iter();
    let mut headers: Vec<_> = headers
        .filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()))
        .map(|(name, value)| format!("{name}: {value:?}"))
        .collect();
    headers.sort();
    let status = response.status().as_u16();
    (status, headers, response.text().await.unwrap())
}

#[tokio::test]
async fn route_without_a_valid_probe_answers_as_a_missing_path() {
    let site = Site::start().await;
    let outdated = probe(&site, KEY);
    site.clock.advance(Duration::from_secs(31));
    let headers = [
        outdated,
        probe(&site, KEY + 1),
        "probe".to_owned(),
        String::new(),
    ];
    for header in &headers {
        for method in [Method::GET, Method::POST, Method::PUT, Method::HEAD] {
            let answer = async |path| {
                let request = site.request(method.clone(), path).header(HEADER, header);
                content(request.send().await.unwrap()).await
            };
            let (found, missing) = (answer(PATH).await, answer("/doctor/missing").await);
            assert_eq!(found, missing, "{method}");
            assert_eq!(found.0, 404);
        }
    }
    let plain = site.request(Method::GET, PATH).send().await.unwrap();
    assert_eq!(plain.status(), 404);
}
