//! Assessments of the responses of the public URL.

use axum::http::{HeaderMap, StatusCode, header};
use holdfast_client::ErrorReason;
use holdfast_server_kit::doctor::{Check, Finding};
use serde_json::Value;

use super::JWKS_PATH;
use crate::doctor::https::Answer;

pub(super) static METADATA: Check = Check {
    id: "public_url.metadata",
    why: "Applications find endpoints and keys in the metadata under the issuer (RFC 8414); other keys are those of another installation",
};
pub(super) static DPOP: Check = Check {
    id: "public_url.dpop",
    why: "Clients bind tokens to keys only where the metadata names algorithms of proofs (RFC 9449)",
};
pub(super) static HSTS: Check = Check {
    id: "public_url.hsts",
    why: "Without Strict-Transport-Security the first request of a browser may be sent without TLS",
};
pub(super) static COOKIES: Check = Check {
    id: "public_url.cookies",
    why: "Browsers keep a `__Host-` cookie only with Secure, `Path=/` and no Domain; a proxy that changes cookies breaks the sign-in",
};
pub(super) static DEVICE_BINDING: Check = Check {
    id: "public_url.device_binding",
    why: "Browsers register device keys by a request to the public URL; a proxy that does not pass it on leaves sessions unbound",
};

/// The endpoints in the metadata (RFC 8414 §2), and their paths.
const ENDPOINTS: [(&str, &str); 4] = [
    ("jwks_uri", JWKS_PATH),
    ("token_endpoint", "/oauth2/token"),
    ("introspection_endpoint", "/oauth2/introspect"),
    ("revocation_endpoint", "/oauth2/revoke"),
];

/// The media type of the responses to programs.
const PROBLEM: &str = "application/problem+json";

/// The body of a response; `null` where it is not JSON.
pub(super) fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
}

pub(super) fn assess_metadata(
    metadata: &Value,
    jwks: &Value,
    origin: &str,
    kids: &[String],
) -> Finding {
    let remedy = "check that the public URL and its proxy lead to this installation, and that AUTH_ISSUER is WEB_PUBLIC_URL";
    if metadata["issuer"] != origin {
        return METADATA.error(
            format!("the metadata of {origin} has another issuer"),
            remedy,
        );
    }
    let differs = |(name, path): &(&str, &str)| metadata[name] != format!("{origin}{path}");
    let others: Vec<_> = ENDPOINTS.iter().filter(|one| differs(one)).collect();
    if !others.is_empty() {
        let names: Vec<_> = others.iter().map(|(name, _)| *name).collect();
        return METADATA.error(
            format!("the metadata of {origin} has another {}", names.join(", ")),
            remedy,
        );
    }
    let published = jwks["keys"].as_array().into_iter().flatten();
    let published: Vec<_> = published.filter_map(|key| key["kid"].as_str()).collect();
    let is_missing = |kid: &&String| !published.contains(&kid.as_str());
    if kids.iter().any(|kid| is_missing(&kid)) {
        return METADATA.error(
            format!("{origin} publishes other keys than auth-service"),
            remedy,
        );
    }
    METADATA.ok(format!(
        "the metadata and the keys of {origin} are those of this installation"
    ))
}

/// `answer` is the response to a token of the scheme `DPoP` with a proof, both of which are invalid.
pub(super) fn assess_dpop(metadata: &Value, answer: &Answer) -> Finding {
    let algorithms = metadata["dpop_signing_alg_values_supported"].as_array();
    let Some(algorithms) = algorithms.filter(|algorithms| !algorithms.is_empty()) else {
        return DPOP.error(
            "no algorithm of proofs is named",
            "let the proxy pass on the metadata unchanged",
        );
    };
    if answer.status != StatusCode::UNAUTHORIZED {
        let found = format!("an invalid proof is answered with {}", answer.status);
        return DPOP.warning(found, "see auth.reachable, and the rules of the proxy");
    }
    if json(answer)["reason"] == ErrorReason::DpopProofRequired.wire_name() {
        let remedy = "let the proxy pass on the header DPoP of requests";
        return DPOP.error("the header DPoP does not arrive", remedy);
    }
    DPOP.ok(format!(
        "proofs arrive, and {} algorithms of them are named",
        algorithms.len()
    ))
}

pub(super) fn assess_hsts(headers: &HeaderMap, is_loopback: bool) -> Finding {
    if headers.contains_key(header::STRICT_TRANSPORT_SECURITY) {
        HSTS.ok("Strict-Transport-Security arrives")
    } else if is_loopback {
        HSTS.ok("not sent for a loopback host")
    } else {
        HSTS.warning(
            "Strict-Transport-Security is missing",
            "let the proxy pass on the headers of the response",
        )
    }
}

/// `name` is that of the cookie of the sign-in form.
pub(super) fn assess_cookies(headers: &HeaderMap, name: &str) -> Finding {
    let cookies = headers.get_all(header::SET_COOKIE).iter();
    let mut cookies = cookies.filter_map(|cookie| cookie.to_str().ok());
    let remedy = "let the proxy pass on Set-Cookie unchanged";
    let Some(cookie) = cookies.find_map(|cookie| cookie.strip_prefix(name)?.strip_prefix('='))
    else {
        return COOKIES.error(format!("the sign-in form sets no cookie {name}"), remedy);
    };
    let attributes = cookie
        .split(';')
        .skip(1)
        .map(|attribute| attribute.trim().to_lowercase());
    let attributes: Vec<_> = attributes.collect();
    let has = |expected: &str| attributes.iter().any(|attribute| attribute == expected);
    let has_domain = attributes
        .iter()
        .any(|attribute| attribute.starts_with("domain="));
    if has("secure") && has("path=/") && !has_domain {
        COOKIES.ok(format!("browsers keep the cookie {name}"))
    } else {
        COOKIES.error(
            format!("browsers refuse the cookie {name}, whose attributes were changed"),
            remedy,
        )
    }
}

/// Without a session the service refuses device keys and proofs with 401 and a problem. Another media type is that of a proxy's own page.
pub(super) fn assess_device_binding(answers: &[Answer]) -> Finding {
    let is_own = |answer: &&Answer| {
        answer.status == StatusCode::UNAUTHORIZED
            && answer
                .headers
                .get(header::CONTENT_TYPE)
                .is_some_and(|value| value == PROBLEM)
    };
    if let Some(other) = answers.iter().find(|answer| !is_own(answer)) {
        let found = format!(
            "requests for device keys are answered with {} in place of 401 with a problem",
            other.status
        );
        return DEVICE_BINDING.warning(
            found,
            "let the proxy pass POST requests to /session/bind and /session/refresh, and their responses",
        );
    }
    DEVICE_BINDING.ok("requests for device keys arrive")
}
