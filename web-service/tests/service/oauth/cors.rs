//! The CORS protocol of the endpoints that pages of public clients call.

use holdfast_identity::oauth::ClientAuthMethod;
use reqwest::{Method, Response, header::HeaderMap};

use crate::support::{REDIRECT, Site, VERIFIER, assert_problem};

/// The origin of the application `shop`.
const SHOP: &str = "https://shop.example";

/// Each endpoint with a method of its own.
const ENDPOINTS: [(Method, &str); 8] = [
    (Method::POST, "/oauth2/par"),
    (Method::POST, "/oauth2/token"),
    (Method::POST, "/oauth2/revoke"),
    (Method::GET, "/oauth2/userinfo"),
    (Method::POST, "/oauth2/userinfo"),
    (Method::GET, "/.well-known/oauth-authorization-server"),
    (Method::GET, "/.well-known/openid-configuration"),
    (Method::GET, "/.well-known/jwks.json"),
];

impl Site {
    /// A request of a page at `origin`.
    async fn of_page(&self, method: Method, path: &str, origin: &str) -> Response {
        let request = self.request(method, path).header("origin", origin);
        let request = request.header("sec-fetch-site", "cross-site");
        request.send().await.unwrap()
    }

    async fn preflight(&self, method: &Method, path: &str, origin: &str) -> Response {
        let request = self.request(Method::OPTIONS, path).header("origin", origin);
        let request = request.header("access-control-request-method", method.as_str());
        let request = request.header("access-control-request-headers", "authorization,dpop");
        request.send().await.unwrap()
    }
}

fn allowed_origin(headers: &HeaderMap) -> Option<&str> {
    let origin = headers.get("access-control-allow-origin");
    origin.map(|origin| origin.to_str().unwrap())
}

#[tokio::test]
async fn page_of_a_public_client_reads_every_endpoint() {
    let site = Site::with_shop("ada").await;
    for (method, path) in ENDPOINTS {
        let preflight = site.preflight(&method, path, SHOP).await;
        assert_eq!(preflight.status(), 204, "{path}");
        let headers = preflight.headers();
        assert_eq!(allowed_origin(headers), Some(SHOP), "{path}");
        assert_eq!(headers["access-control-allow-methods"], "GET, POST");
        let names = "authorization, content-type, dpop";
        assert_eq!(headers["access-control-allow-headers"], names);
        let response = site.of_page(method, path, SHOP).await;
        assert_ne!(response.status(), 403, "{path}");
        let headers = response.headers();
        assert_eq!(allowed_origin(headers), Some(SHOP), "{path}");
        let names = "dpop-nonce, retry-after, www-authenticate";
        assert_eq!(headers["access-control-expose-headers"], names);
        assert_eq!(headers["vary"], "origin", "{path}");
        assert!(!headers.contains_key("access-control-allow-credentials"));
    }
}

#[tokio::test]
async fn page_of_another_origin_neither_reads_nor_changes() {
    let site = Site::with_shop("ada").await;
    for origin in [
        "https://evil.example",
        "https://shop.example:8443",
        "http://shop.example",
        "https://sub.shop.example",
        "https://shop.example.evil.example",
        "https://SHOP.example",
        "null",
        "com.example.shop://",
    ] {
        for (method, path) in ENDPOINTS {
            let preflight = site.preflight(&method, path, origin).await;
            assert_eq!(allowed_origin(preflight.headers()), None, "{origin} {path}");
            assert!(
                !preflight
                    .headers()
                    .contains_key("access-control-allow-methods")
            );
            let response = site.of_page(method.clone(), path, origin).await;
            assert_eq!(allowed_origin(response.headers()), None, "{origin} {path}");
            assert_eq!(response.headers()["vary"], "origin", "{path}");
            if method == Method::POST {
                assert_problem(response, 403, "FOREIGN_ORIGIN").await;
            }
        }
    }
}

#[tokio::test]
async fn endpoint_for_servers_has_no_cors() {
    let site = Site::with_shop("ada").await;
    for path in ["/oauth2/introspect", "/api/login", "/api/profile", "/login"] {
        let preflight = site.preflight(&Method::POST, path, SHOP).await;
        assert_eq!(preflight.status(), 405, "{path}");
        assert_eq!(allowed_origin(preflight.headers()), None, "{path}");
        let response = site.of_page(Method::GET, path, SHOP).await;
        assert_eq!(allowed_origin(response.headers()), None, "{path}");
    }
}

#[tokio::test]
async fn confidential_or_disabled_client_has_no_origin() {
    let site = Site::with_user("ada").await;
    site.add_shop(|client| client.auth_method = ClientAuthMethod::Secret([1; 32]))
        .await;
    site.add_shop(|client| client.id = "closed".parse().unwrap())
        .await;
    site.disable_client("closed").await;
    let response = site.of_page(Method::POST, "/oauth2/token", SHOP).await;
    assert_problem(response, 403, "FOREIGN_ORIGIN").await;
}

#[tokio::test]
async fn page_exchanges_a_code() {
    let site = Site::with_shop("ada").await;
    let cookie = site.sign_in("ada").await;
    let code = site.code(&cookie, "openid profile").await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
        ("client_id", "shop"),
    ];
    let request = site.request(Method::POST, "/oauth2/token").form(&form);
    let request = request.header("origin", SHOP);
    let request = request.header("sec-fetch-site", "cross-site");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(allowed_origin(response.headers()), Some(SHOP));
}

#[tokio::test]
async fn cookie_counts_for_no_page() {
    let site = Site::with_shop("ada").await;
    let cookie = site.sign_in("ada").await;
    let request = site.request(Method::GET, "/oauth2/userinfo");
    let request = request.header("origin", SHOP).header("cookie", cookie);
    assert_eq!(request.send().await.unwrap().status(), 401);
}
