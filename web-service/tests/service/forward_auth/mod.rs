//! Forward auth: `GET /auth/verify`.

mod acr;
mod identity;
mod max_age;
mod original_request;
mod sign_in_redirect;

use reqwest::{Method, Response};

use crate::support::{Site, with_headers};

const APP: &str = "https://app.example";

/// What a proxy submits for `GET https://app.example/orders?page=2`, with more header fields.
async fn verify(site: &Site, query: &str, headers: &[(&str, &str)]) -> Response {
    let described = [
        ("x-forwarded-method", "GET"),
        ("x-forwarded-uri", "/orders?page=2"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "app.example"),
    ];
    let request = site.request(Method::GET, &format!("/auth/verify{query}"));
    let request = with_headers(with_headers(request, &described), headers);
    request.send().await.unwrap()
}

/// What a proxy submits for `/orders?page=2`, where `headers` describe the origin.
async fn verify_method(site: &Site, method: &str, headers: &[(&str, &str)]) -> Response {
    let described = [
        ("x-forwarded-method", method),
        ("x-forwarded-uri", "/orders?page=2"),
    ];
    let request = site.request(Method::GET, "/auth/verify");
    let request = with_headers(with_headers(request, &described), headers);
    request.send().await.unwrap()
}

/// A site behind a trusted proxy of [`APP`], with the account `ada`.
async fn site() -> Site {
    let site = Site::start_behind_for(["127.0.0.0/8"], [APP]).await;
    site.add_user("ada").await;
    site
}

/// The identity headers: `user`, `subject`, `login`, `scope`, `method`.
fn identity(response: &Response) -> [String; 5] {
    ["user", "subject", "login", "scope", "method"].map(|name| {
        response.headers()[format!("x-auth-{name}")]
            .to_str()
            .unwrap()
            .to_owned()
    })
}
