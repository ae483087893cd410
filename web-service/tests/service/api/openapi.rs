//! `GET /api/openapi.json` and `GET /api/docs`.

use reqwest::Method;
use serde_json::Value;
use web_service::http::{ErrorFormat, ROUTES, Route, RouteMethod};

use crate::support::{Site, header};

async fn document(site: &Site) -> Value {
    let response = site
        .request(Method::GET, "/api/openapi.json")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

/// Routes for programs, but for those about the contract itself and those that only say that there is nothing.
fn is_documented(route: &Route) -> bool {
    let is_left_out = ["api.openapi", "api.docs", "not_found"].contains(&route.name)
        || route.name.starts_with("dbsc.")
        || route.name.starts_with("page.");
    (route.error_format == ErrorFormat::ProblemJson && !is_left_out) || route.name == "forward_auth"
}

/// The key of a route's operation; forward auth, which takes every method, is described for `GET`.
fn method(route: &Route) -> &'static str {
    match route.method {
        RouteMethod::Get | RouteMethod::Any => "get",
        RouteMethod::Post => "post",
        RouteMethod::Put => "put",
        RouteMethod::Patch => "patch",
        RouteMethod::Delete => "delete",
    }
}

#[tokio::test]
async fn every_json_route_is_documented() {
    let site = Site::start().await;
    let document = document(&site).await;
    assert!(
        document["openapi"].as_str().unwrap().starts_with("3.1"),
        "{}",
        document["openapi"]
    );
    for route in ROUTES.iter().filter(|route| is_documented(route)) {
        let operation = &document["paths"][route.path][method(route)];
        assert!(operation.is_object(), "{:?} {}", route.method, route.path);
    }
    let documented = document["paths"].as_object().unwrap();
    for (path, item) in documented {
        for name in item.as_object().unwrap().keys() {
            let is_route = |route: &&Route| route.path == path && method(route) == name;
            assert!(ROUTES.iter().any(|route| is_route(&route)), "{name} {path}");
        }
    }
    assert!(documented.len() > 10, "{documented:?}");
}

#[tokio::test]
async fn operations_have_errors_and_references_resolve() {
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
    assert!(text.contains(r##""$ref":"#/components/"##), "{text}");
    for reference in text.split(r##""$ref":"#"##).skip(1) {
        let pointer = reference.split('"').next().unwrap();
        let schema = document
            .pointer(pointer)
            .unwrap_or_else(|| panic!("{pointer}"));
        assert!(!schema["example"].is_null(), "{pointer} has no example");
    }
}

#[tokio::test]
async fn docs_page_has_no_scripts() {
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
