//! From the route table to axum's router, and to the look-up that the pipeline makes before it.

use std::collections::BTreeMap;

use axum::{
    Router, extract::Request, http::Method, middleware::from_fn_with_state, routing::MethodRouter,
};

use crate::http::{
    api,
    cors::{self, CorsPolicy},
    csrf::{CsrfCheck, CsrfExemption},
    error_format::ErrorFormat,
    metrics::RouteMetrics,
    pages,
    route::{Route, RouteMethod},
    routes::ROUTES,
    state::AppState,
};

/// axum's router of all routes, with the answers to unknown paths and methods.
pub(super) fn router(state: &AppState) -> Router {
    let router = Router::new().fallback(pages::error::not_found);
    let router = by_path()
        .into_iter()
        .fold(router, |router, (path, routes)| {
            router.route(path, methods(&routes, state))
        });
    router.with_state(state.clone())
}

fn by_path() -> BTreeMap<&'static str, Vec<&'static Route>> {
    let mut paths = BTreeMap::<_, Vec<_>>::new();
    for route in ROUTES {
        paths.entry(route.path).or_default().push(route);
    }
    paths
}

fn methods(routes: &[&'static Route], state: &AppState) -> MethodRouter<AppState> {
    let methods = without_cors(routes);
    match routes.iter().find(|route| has_cors(route)) {
        Some(route) => {
            let policy = CorsPolicy::new(state, route.name);
            methods.layer(from_fn_with_state(policy, cors::apply))
        }
        None => methods,
    }
}

/// Whether pages of public OAuth clients call a route.
fn has_cors(route: &Route) -> bool {
    route.csrf == CsrfCheck::Exempt(CsrfExemption::BrowserClient)
}

fn without_cors(routes: &[&'static Route]) -> MethodRouter<AppState> {
    let methods = routes.iter().fold(MethodRouter::new(), |methods, route| {
        methods.merge((route.handler)())
    });
    match routes.first().map(|route| route.error_format) {
        _ if routes.iter().any(|route| route.method == RouteMethod::Any) => methods,
        Some(ErrorFormat::ProblemJson) => methods.fallback(api::problem::method_not_allowed),
        Some(ErrorFormat::Html) | None => methods.fallback(pages::error::method_not_allowed),
    }
}

/// What the pipeline has to know of a request's route.
#[derive(Clone, Copy, Debug)]
pub(super) struct RoutePolicy {
    /// The form of errors.
    pub(super) error_format: ErrorFormat,
    /// What is required of a request with an unsafe method.
    pub(super) csrf: CsrfCheck,
    /// The label of the route in metrics and logs.
    pub(super) name: &'static str,
    /// What is counted of the route.
    pub(super) metrics: &'static RouteMetrics,
}

static UNKNOWN_PATHS: RouteMetrics = RouteMetrics::new();
static UNKNOWN_METHODS: RouteMetrics = RouteMetrics::new();

impl RoutePolicy {
    /// For a path that no route matches.
    fn unknown_path() -> Self {
        Self {
            error_format: ErrorFormat::Html,
            csrf: CsrfCheck::Checked,
            name: "unknown",
            metrics: &UNKNOWN_PATHS,
        }
    }

    /// Whether the body of a request is read before its handler runs.
    pub(super) fn reads_body(self) -> bool {
        self.csrf != CsrfCheck::Exempt(CsrfExemption::OriginalRequest)
    }
}

/// Finds the policy of a request by method and path, with the same patterns that axum's router has.
pub(super) struct PolicyLookup(matchit::Router<Vec<&'static Route>>);

impl PolicyLookup {
    /// The look-up in the whole table.
    pub(super) fn new() -> Self {
        let mut paths = matchit::Router::new();
        for (path, routes) in by_path() {
            // axum's router has the same patterns, and panics at one that it cannot have.
            let _ = paths.insert(path, routes);
        }
        Self(paths)
    }

    /// The policy for a request. A method that the path does not have gets the full CSRF check.
    pub(super) fn find(&self, request: &Request) -> RoutePolicy {
        let Ok(found) = self.0.at(request.uri().path()) else {
            return RoutePolicy::unknown_path();
        };
        policy(found.value, request.method())
    }
}

fn policy(routes: &[&'static Route], method: &Method) -> RoutePolicy {
    let is_of_method = |route: &&&Route| {
        let is_preflight = has_cors(route) && method == Method::OPTIONS;
        is_preflight || route.serves(method)
    };
    let of_method = routes.iter().find(is_of_method);
    match (of_method, routes.first()) {
        (Some(route), _) => RoutePolicy {
            error_format: route.error_format,
            csrf: route.csrf,
            name: route.name,
            metrics: route.metrics,
        },
        (None, Some(other)) => RoutePolicy {
            error_format: other.error_format,
            csrf: CsrfCheck::Checked,
            name: "method_not_allowed",
            metrics: &UNKNOWN_METHODS,
        },
        (None, None) => RoutePolicy::unknown_path(),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn find(method: &str, path: &str) -> RoutePolicy {
        let request = Request::builder().method(method).uri(path);
        PolicyLookup::new().find(&request.body(Body::empty()).unwrap())
    }

    #[test]
    fn every_route_is_found_by_its_own_path() {
        let lookup = PolicyLookup::new();
        for route in ROUTES {
            let path = route
                .path
                .replace("{sid}", "a")
                .replace("{id}", "a")
                .replace("{*path}", "a/b");
            let found = lookup.0.at(&path).unwrap().value;
            assert!(
                found.iter().any(|found| std::ptr::eq(*found, route)),
                "{path}"
            );
        }
        // axum's router panics where two routes exclude each other.
        let routes = by_path().into_iter();
        drop(routes.fold(Router::new(), |router, (path, routes)| {
            router.route(path, without_cors(&routes))
        }));
    }

    #[test]
    fn error_format_is_that_of_the_path_whatever_the_method() {
        for (path, expected) in [
            ("/login", ErrorFormat::Html),
            ("/auth/verify/a", ErrorFormat::Html),
            ("/nothing/here", ErrorFormat::Html),
            ("/api/login", ErrorFormat::ProblemJson),
            ("/api/nothing/here", ErrorFormat::ProblemJson),
            ("/api/", ErrorFormat::ProblemJson),
            ("/session/bind", ErrorFormat::ProblemJson),
            ("/session/nothing", ErrorFormat::ProblemJson),
            ("/.well-known/change-password", ErrorFormat::ProblemJson),
            ("/.well-known/nothing", ErrorFormat::ProblemJson),
            ("/oauth2/nothing", ErrorFormat::ProblemJson),
            ("/oauth2/authorize", ErrorFormat::Html),
        ] {
            for method in ["GET", "POST", "BREW"] {
                assert_eq!(find(method, path).error_format, expected, "{method} {path}");
            }
        }
    }

    #[test]
    fn exemption_holds_for_its_own_method_and_path_only() {
        let device_binding = CsrfCheck::Exempt(CsrfExemption::DeviceBinding);
        assert_eq!(find("POST", "/session/bind").csrf, device_binding);
        let original = CsrfCheck::Exempt(CsrfExemption::OriginalRequest);
        assert_eq!(find("POST", "/auth/verify").csrf, original);
        assert_eq!(find("PUT", "/auth/verify/a/b").csrf, original);
        let relying_party = CsrfCheck::Exempt(CsrfExemption::RelyingParty);
        assert_eq!(find("POST", "/oauth2/authorize").csrf, relying_party);
        assert_eq!(find("POST", "/oauth2/logout").csrf, relying_party);
        let browser_client = CsrfCheck::Exempt(CsrfExemption::BrowserClient);
        assert_eq!(find("POST", "/oauth2/token").csrf, browser_client);
        assert_eq!(find("OPTIONS", "/oauth2/token").name, "oauth.token");
        for (method, path) in [
            ("POST", "/oauth2/introspect"),
            ("PUT", "/oauth2/token"),
            ("POST", "/.well-known/jwks.json"),
            ("PUT", "/session/bind"),
            ("POST", "/session/nothing"),
            ("POST", "/auth/verifying"),
            ("PUT", "/oauth2/authorize"),
            ("POST", "/oauth2/authorize/consent"),
            ("POST", "/oauth2/logout/confirm"),
            ("POST", "/nothing"),
        ] {
            assert_eq!(find(method, path).csrf, CsrfCheck::Checked, "{path}");
        }
    }

    #[test]
    fn body_is_read_unless_the_request_is_about_another_one() {
        assert!(find("POST", "/login").reads_body());
        assert!(find("POST", "/nothing").reads_body());
        assert!(!find("POST", "/auth/verify").reads_body());
        assert!(!find("PUT", "/auth/verify/a").reads_body());
    }
}
