//! Responses that lead the browser to a relying party: by a redirect, or by a page.
//!
//! Browsers check `form-action` of a page also for the redirects that answer its form, so that the response to a form of this origin leads
//! to another one by a page.

use askama::Template;
use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};
use holdfast_client::{AuthorizationRedirect, ResponseMode};
use url::{Url, form_urlencoded};

use crate::{
    http::{headers, pages::render::page},
    service_error::ServiceError,
};

/// The address that the browser came from contains an authorization request, which no other site is to know.
const NO_REFERRER: (HeaderName, HeaderValue) = (
    header::REFERRER_POLICY,
    HeaderValue::from_static("no-referrer"),
);
/// Without an `Origin`, the relying party could not tell this origin from any other one.
const ORIGIN_AS_REFERRER: (HeaderName, HeaderValue) = (
    header::REFERRER_POLICY,
    HeaderValue::from_static("strict-origin"),
);

/// How a response in the query is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// By a redirect: the browser came by a link, or from another site.
    Redirect,
    /// By a page that goes on by itself: the browser may have sent a form of this origin.
    Page,
}

#[derive(Template)]
#[template(path = "relying_party_redirect.html")]
struct RedirectPage<'a> {
    address: &'a str,
    destination: &'a str,
}

#[derive(Template)]
#[template(path = "form_post.html")]
struct FormPostPage<'a> {
    address: &'a str,
    destination: &'a str,
    parameters: &'a [(String, String)],
}

/// The response that brings the parameters of an authorization response to the relying party.
pub(super) fn answer(
    redirect: &AuthorizationRedirect,
    delivery: Delivery,
) -> Result<Response, ServiceError> {
    let target = RedirectTarget::parse(&redirect.redirect_uri)?;
    match (redirect.mode, &target.origin) {
        (ResponseMode::FormPost, Some(origin)) => form_post(redirect, &target, origin),
        // An application on the device receives addresses, and no forms.
        (ResponseMode::Query | ResponseMode::FormPost, _) => {
            let address = with_query(&redirect.redirect_uri, &redirect.parameters);
            Ok(onward(&address, &target, delivery))
        }
    }
}

/// The response that leads to an address that a relying party has registered, with `state` if there is one.
pub(super) fn return_to(
    uri: &str,
    state: Option<&str>,
    delivery: Delivery,
) -> Result<Response, ServiceError> {
    let target = RedirectTarget::parse(uri)?;
    let address = match state {
        Some(state) => with_query(uri, &[("state".to_owned(), state.to_owned())]),
        None => uri.to_owned(),
    };
    Ok(onward(&address, &target, delivery))
}

fn onward(address: &str, target: &RedirectTarget, delivery: Delivery) -> Response {
    let response = match delivery {
        Delivery::Redirect => Redirect::to(address).into_response(),
        Delivery::Page => {
            let destination = &*target.destination;
            page(
                StatusCode::OK,
                &RedirectPage {
                    address,
                    destination,
                },
            )
        }
    };
    ([NO_REFERRER], response).into_response()
}

fn form_post(
    redirect: &AuthorizationRedirect,
    target: &RedirectTarget,
    origin: &str,
) -> Result<Response, ServiceError> {
    let policy = headers::policy_of_form_post(origin).ok_or(ServiceError::Internal)?;
    let template = FormPostPage {
        address: &redirect.redirect_uri,
        destination: &target.destination,
        parameters: &redirect.parameters,
    };
    let headers = [
        ORIGIN_AS_REFERRER,
        (header::CONTENT_SECURITY_POLICY, policy),
    ];
    Ok((headers, page(StatusCode::OK, &template)).into_response())
}

/// A redirect URI that may stand in a page.
struct RedirectTarget {
    /// What people recognize of it: its host, or the scheme of an application on the device.
    destination: String,
    /// Its origin; `None` for an application on the device.
    origin: Option<String>,
}

impl RedirectTarget {
    /// auth-service answers with registered URIs only. A script of this origin would be one of another scheme, which none of them has.
    fn parse(uri: &str) -> Result<Self, ServiceError> {
        let url = Url::parse(uri).map_err(|_| ServiceError::Internal)?;
        match (url.scheme(), url.host_str()) {
            ("https" | "http", Some(host)) => Ok(Self {
                destination: host.to_owned(),
                origin: Some(url.origin().ascii_serialization()),
            }),
            (scheme, _) if scheme.contains('.') => Ok(Self {
                destination: scheme.to_owned(),
                origin: None,
            }),
            _ => Err(ServiceError::Internal),
        }
    }
}

/// A URI with further parameters. Its own query is kept as it is (RFC 6749 §3.1.2).
fn with_query(uri: &str, parameters: &[(String, String)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    let separator = match uri.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{uri}{separator}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_follow_the_query_of_the_uri() {
        let parameters = [("code".to_owned(), "a b&c".to_owned())];
        for (uri, expected) in [
            (
                "https://app.example/cb",
                "https://app.example/cb?code=a+b%26c",
            ),
            (
                "https://app.example/cb?",
                "https://app.example/cb?code=a+b%26c",
            ),
            (
                "https://app.example/cb?t=%20",
                "https://app.example/cb?t=%20&code=a+b%26c",
            ),
            ("com.example.app:/cb", "com.example.app:/cb?code=a+b%26c"),
        ] {
            assert_eq!(with_query(uri, &parameters), expected);
        }
    }

    #[test]
    fn target_is_of_the_web_or_of_an_application() {
        let target =
            |uri| RedirectTarget::parse(uri).map(|target| (target.destination, target.origin));
        let origin = Some("https://app.example:8443".to_owned());
        assert_eq!(
            target("https://app.example:8443/cb").unwrap(),
            ("app.example".to_owned(), origin)
        );
        assert_eq!(
            target("com.example.app:/cb").unwrap(),
            ("com.example.app".to_owned(), None)
        );
        for refused in ["javascript:alert(1)", "data:text/html,a", "/cb", ""] {
            assert!(target(refused).is_err(), "{refused}");
        }
    }
}
