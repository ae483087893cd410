//! Limits and validity of a request's head: `Host` (RFC 9112 §3.2, RFC 9113 §8.3.1), cookies and other fields.

use reqwest::{Client, Method, Response, StatusCode, Version};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use web_service::config::TlsConfig;

use crate::support::{Site, assert_problem, header};

/// The response of a site without TLS to a head that no client library would send.
async fn answer_to(site: &Site, head: &str) -> String {
    let address = site.origin.strip_prefix("https://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn request_without_one_valid_host_is_refused() {
    let site = Site::start_with(|config| config.tls = TlsConfig::Off).await;
    for (version, hosts, expected) in [
        ("1.1", "Host: id.example\r\n", "200"),
        ("1.1", "Host: [::1]:8443\r\n", "200"),
        ("1.1", "", "400"),
        ("1.1", "Host:\r\n", "400"),
        ("1.1", "Host: a\r\nHost: a\r\n", "400"),
        ("1.1", "Host: a\r\nhost: b\r\n", "400"),
        ("1.1", "Host: a b\r\n", "400"),
        ("1.1", "Host: a,b\r\n", "400"),
        ("1.1", "Host: user@a\r\n", "400"),
        ("1.1", "Host: a:65536\r\n", "400"),
        ("1.1", "Host: a/b\r\n", "400"),
        ("1.0", "", "200"),
        ("1.0", "Host: a\r\nHost: a\r\n", "400"),
    ] {
        for (path, kind) in [
            ("/login", "text/html"),
            ("/api/openapi.json", "application/problem+json"),
        ] {
            let head = format!("GET {path} HTTP/{version}\r\n{hosts}Connection: close\r\n\r\n");
            let answer = answer_to(&site, &head).await;
            let status = format!("HTTP/{version} {expected} ");
            assert!(answer.starts_with(&status), "{hosts:?}: {answer}");
            assert!(answer.contains("x-content-type-options: nosniff"));
            assert!(answer.contains("content-security-policy: "), "{answer}");
            assert!(expected == "200" || answer.contains(kind), "{answer}");
        }
    }
}

/// A client of HTTP/1.1 and one of HTTP/2.
fn clients(site: &Site) -> [(Version, Client); 2] {
    let builder = || site.client_builder();
    [
        (Version::HTTP_11, builder().http1_only().build().unwrap()),
        (Version::HTTP_2, builder().build().unwrap()),
    ]
}

/// `count` cookies whose joined line has `bytes` bytes.
fn cookies(count: usize, bytes: usize) -> Vec<String> {
    let all = bytes + 2;
    let each = all / count;
    let last = each + all % count;
    let cookie = |length: usize| format!("c={}", "x".repeat(length - 4));
    let mut cookies = vec![cookie(each); count - 1];
    cookies.push(cookie(last));
    assert_eq!(cookies.join("; ").len(), bytes);
    cookies
}

/// Requests a path with cookies: over HTTP/2 each in a field of its own, over HTTP/1.1 all in one line.
async fn get_with_cookies(
    site: &Site,
    (version, client): &(Version, Client),
    path: &str,
    cookies: &[String],
) -> Response {
    let request = client.request(Method::GET, format!("{}{path}", site.origin));
    let request = if *version == Version::HTTP_2 {
        cookies
            .iter()
            .fold(request, |request, cookie| request.header("cookie", cookie))
    } else {
        request.header("cookie", cookies.join("; "))
    };
    let response = request.send().await.unwrap();
    assert_eq!(response.version(), *version);
    response
}

#[tokio::test]
async fn cookies_up_to_16_kib_are_accepted() {
    let site = Site::with_user("ada").await;
    let session = site.sign_in("ada").await;
    for client in clients(&site) {
        for others in [
            cookies(150, 10_700),
            cookies(400, 16_000),
            cookies(4, 16 * 1024 - session.len() - 2),
        ] {
            let all = [others, vec![session.clone()]].concat();
            let page = get_with_cookies(&site, &client, "/dashboard", &all).await;
            assert_eq!(page.status(), 200, "{:?}", client.0);
        }
    }
}

#[tokio::test]
async fn cookies_beyond_16_kib_are_refused_with_explanation() {
    let site = Site::start().await;
    for client in clients(&site) {
        for size in [16 * 1024 + 1, 20_000, 40_000] {
            for many in [cookies(1, size), cookies(180, size)] {
                let page = get_with_cookies(&site, &client, "/login", &many).await;
                assert_eq!(page.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
                assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
                assert_eq!(header(&page, "x-content-type-options"), "nosniff");
                let text = page.text().await.unwrap();
                assert!(text.contains("delete the cookies of this site"), "{text}");
                let problem = get_with_cookies(&site, &client, "/api/session", &many).await;
                assert_problem(problem, 431, "HEADERS_TOO_LARGE").await;
            }
        }
    }
}

#[tokio::test]
async fn other_fields_are_limited_in_size_and_number() {
    let site = Site::start().await;
    let (_, client) = &clients(&site)[1];
    let status = async |count: usize, size: usize| {
        let request = client.get(format!("{}/login", site.origin));
        let names = (0..count).map(|number| format!("x-{number}"));
        let request = names.fold(request, |request, name| {
            request.header(name, "y".repeat(size))
        });
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(status(90, 10).await, 200);
    assert_eq!(status(101, 10).await, 431);
    assert_eq!(status(2, 8_000).await, 200);
    assert_eq!(status(2, 8_200).await, 431);
}
