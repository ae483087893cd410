//! Header fields of every response: security headers (ASVS 3.4), media type of errors, request id.

use reqwest::{Method, Response};
use web_service::config::PublicUrl;

use crate::support::{Site, header};

fn assert_guarded(response: &Response) {
    let shown = (response.url().path().to_owned(), response.status());
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(header(response, name), value, "{shown:?}");
    }
    let policy = header(response, "content-security-policy");
    for directive in [
        "default-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(directive), "{shown:?}: {policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(!header(response, "cache-control").is_empty(), "{shown:?}");
    assert!(
        response.headers().contains_key("permissions-policy"),
        "{shown:?}"
    );
}

#[tokio::test]
async fn every_response_has_security_headers() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    let send = async |method: Method, path: &str, cookie: &str, body: String| {
        let request = site.request(method, path).header("cookie", cookie);
        request
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .unwrap()
    };
    let large = "a".repeat(70_000);
    for (method, path, cookie, body, status) in [
        (Method::GET, "/", "", String::new(), 200),
        (Method::GET, "/login", "", String::new(), 200),
        (
            Method::GET,
            "/dashboard",
            cookie.as_str(),
            String::new(),
            200,
        ),
        (Method::GET, "/static/style.css", "", String::new(), 200),
        (Method::GET, "/static/icon.svg", "", String::new(), 200),
        (Method::HEAD, "/login", "", String::new(), 200),
        (Method::GET, "/dashboard", "", String::new(), 303),
        (Method::GET, "/login?next=%ff", "", String::new(), 200),
        (
            Method::GET,
            "/login?next=/a&next=/b",
            "",
            String::new(),
            200,
        ),
        (Method::POST, "/api/login", "", "{".to_owned(), 400),
        (Method::GET, "/api/profile", "", String::new(), 401),
        (Method::POST, "/logout", cookie.as_str(), String::new(), 415),
        (Method::GET, "/nowhere", "", String::new(), 404),
        (Method::GET, "/api/nowhere", "", String::new(), 404),
        (Method::POST, "/dashboard", "", String::new(), 405),
        (Method::GET, "/api/login", "", String::new(), 405),
        (Method::POST, "/api/login", "", large, 413),
    ] {
        let response = send(method, path, cookie, body).await;
        assert_eq!(response.status(), status, "{path}");
        assert_guarded(&response);
        assert!(
            !response.headers().contains_key("strict-transport-security"),
            "not on a loopback host"
        );
    }
}

#[tokio::test]
async fn hsts_is_sent_for_public_host() {
    let site = Site::start_as(PublicUrl {
        origin: "https://id.example".to_owned(),
        is_loopback: false,
    });
    let response = site.await.get("/login", "").await;
    assert_eq!(
        header(&response, "strict-transport-security"),
        "max-age=31536000; includeSubDomains"
    );
}

#[tokio::test]
async fn error_format_follows_route() {
    let site = Site::start().await;
    let page = site.get("/nowhere", "").await;
    assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
    let problem = site.get("/api/nowhere", "").await;
    assert_eq!(header(&problem, "content-type"), "application/problem+json");
}

#[tokio::test]
async fn response_has_its_own_request_id() {
    let site = Site::with_user("ada").await;
    let request = site.request(Method::GET, "/api/profile");
    let answer = request.header("x-request-id", "mine").send().await.unwrap();
    let id = header(&answer, "x-request-id").to_owned();
    assert!(id.len() == 16 && id != "mine", "{id}");
}
