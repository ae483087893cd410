//! CSRF checks of every route, by the route table (ASVS 3.5.1).

use reqwest::{Method, StatusCode};
use serde_json::Value;
use web_service::http::{CsrfCheck, CsrfExemption, ErrorFormat, ROUTES, Route, RouteMethod};

use crate::support::{Site, header};

/// What browsers send along where a page of another origin causes a request: old ones the first, current ones the others.
const FOREIGN: [(&str, &str); 3] = [
    ("origin", "https://evil.example"),
    ("sec-fetch-site", "cross-site"),
    ("sec-fetch-site", "same-site"),
];

fn unsafe_methods(route: &Route) -> Vec<Method> {
    match route.method {
        RouteMethod::Get => vec![],
        RouteMethod::Post => vec![Method::POST],
        RouteMethod::Put => vec![Method::PUT],
        RouteMethod::Patch => vec![Method::PATCH],
        RouteMethod::Delete => vec![Method::DELETE],
        RouteMethod::Any => vec![Method::POST, Method::PUT, Method::PATCH, Method::DELETE],
    }
}

/// Whether the answer to a request with this header is the rejection of a foreign page.
async fn is_rejected(site: &Site, route: &Route, method: Method, cause: (&str, &str)) -> bool {
    let path = route
        .path
        .replace("{sid}", "a")
        .replace("{id}", "a")
        .replace("{*path}", "a/b");
    let request = site.request(method, &path).header(cause.0, cause.1);
    let answer = request.send().await.unwrap();
    if answer.status() != StatusCode::FORBIDDEN {
        return false;
    }
    let media_type = header(&answer, "content-type").to_owned();
    let body = answer.text().await.unwrap();
    match route.error_format {
        ErrorFormat::ProblemJson => {
            assert_eq!(media_type, "application/problem+json", "{path}");
            let problem: Value = serde_json::from_str(&body).unwrap();
            problem["reason"] == "FOREIGN_ORIGIN"
        }
        ErrorFormat::Html => body.contains("This request came from another site"),
    }
}

#[tokio::test]
async fn unsafe_route_without_exemption_rejects_foreign_pages() {
    let site = Site::start().await;
    let mut tried = 0;
    for route in ROUTES
        .iter()
        .filter(|route| route.csrf == CsrfCheck::Checked)
    {
        for method in unsafe_methods(route) {
            for cause in FOREIGN {
                let is_rejected = is_rejected(&site, route, method.clone(), cause).await;
                assert!(is_rejected, "{method} {} {cause:?}", route.path);
                tried += 1;
            }
        }
    }
    assert!(tried > 100, "{tried}");
}

#[tokio::test]
async fn exempt_route_rejects_what_its_exemption_leaves() {
    let site = Site::start().await;
    for route in ROUTES {
        let CsrfCheck::Exempt(exemption) = route.csrf else {
            continue;
        };
        for method in unsafe_methods(route) {
            for cause in FOREIGN {
                let is_rejected = is_rejected(&site, route, method.clone(), cause).await;
                let is_left = match exemption {
                    CsrfExemption::BrowserClient => true,
                    CsrfExemption::DeviceBinding => cause.1 == "cross-site",
                    CsrfExemption::OriginalRequest | CsrfExemption::RelyingParty => false,
                };
                assert_eq!(is_rejected, is_left, "{method} {} {cause:?}", route.path);
            }
        }
    }
}

#[tokio::test]
async fn unknown_path_and_unknown_method_reject_foreign_pages() {
    let site = Site::start().await;
    for (method, path) in [
        ("POST", "/nothing"),
        ("PUT", "/dashboard"),
        ("PUT", "/session/bind"),
        ("POST", "/auth/verifying"),
    ] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = site.request(method.clone(), path);
        let foreign = request.header("origin", "https://evil.example");
        let status = foreign.send().await.unwrap().status();
        assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path}");
    }
}
