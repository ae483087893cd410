use reqwest::Method;
use serde_json::Value;

use crate::support::{Site, header};

/// The router itself: a route that is added without a word in the contract is found.
const ROUTER: &str = include_str!("../../src/http/router.rs");

async fn document(site: &Site) -> Value {
    let response = site
        .request(Method::GET, "/api/openapi.json")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

#[tokio::test]
async fn every_json_route_is_in_the_contract() {
    let site = Site::start().await;
    let document = document(&site).await;
    assert!(
        document["openapi"].as_str().unwrap().starts_with("3.1"),
        "{}",
        document["openapi"]
    );
    let routes = ROUTER
        .split(".route(")
        .skip(1)
        .map(|route| route.split('"').nth(1).unwrap());
    let of_programs = ["/api/", "/oauth2/", "/.well-known/", "/auth/"];
    for route in routes.filter(|route| of_programs.iter().any(|prefix| route.starts_with(prefix))) {
        // About the contract itself, and the other spelling of a route that is in it.
        let is_left_out = ["/api/openapi.json", "/api/docs", "/auth/verify/"].contains(&route);
        if is_left_out || route.contains("{*path}") {
            continue;
        }
        assert!(document["paths"].get(route).is_some(), "{route}");
    }
}

#[tokio::test]
async fn every_operation_tells_its_errors_and_every_reference_leads_somewhere() {
    let site = Site::start().await;
    let document = document(&site).await;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.contains_key("503"), "{method} {path}");
            assert!(
                responses.keys().any(|status| status.starts_with('2')),
                "{method} {path}"
            );
            assert!(operation["summary"].is_string(), "{method} {path}");
        }
    }
    let text = document.to_string();
    for reference in text.split(r##""$ref":"#"##).skip(1) {
        let pointer = reference.split('"').next().unwrap();
        let schema = document
            .pointer(pointer)
            .unwrap_or_else(|| panic!("{pointer}"));
        assert!(!schema["example"].is_null(), "{pointer} has no example");
    }
}

#[tokio::test]
async fn the_page_shows_it_without_scripts() {
    let site = Site::start().await;
    let page = site.request(Method::GET, "/api/docs").send().await.unwrap();
    assert!(header(&page, "content-security-policy").starts_with("default-src 'none'"));
    let html = page.text().await.unwrap();
    assert!(
        html.contains("POST /oauth2/token") && html.contains("DELETE /api/logins/{sid}"),
        "{html}"
    );
    assert!(
        !html.contains("<script") && !html.contains("style="),
        "{html}"
    );
}
