use axum::http::{HeaderMap, HeaderValue, header};
use holdfast_server_kit::doctor::Severity::{Error, Ok, Warning};
use serde_json::{Value, json};

use super::{answers::*, *};

const ORIGIN: &str = "https://id.example";

#[test]
fn metadata_of_another_installation_is_an_error() {
    let metadata = || {
        json!({
            "issuer": ORIGIN,
            "jwks_uri": format!("{ORIGIN}/.well-known/jwks.json"),
            "token_endpoint": format!("{ORIGIN}/oauth2/token"),
            "introspection_endpoint": format!("{ORIGIN}/oauth2/introspect"),
            "revocation_endpoint": format!("{ORIGIN}/oauth2/revoke"),
        })
    };
    let outcome = |metadata: &Value, kid: &str| {
        let jwks = json!({"keys": [{"kid": kid}]});
        assess_metadata(metadata, &jwks, ORIGIN, &["7".to_owned()]).outcome()
    };
    let error = ("public_url.metadata", Error);
    assert_eq!(outcome(&metadata(), "7"), ("public_url.metadata", Ok));
    assert_eq!(outcome(&metadata(), "8"), error);
    assert_eq!(outcome(&Value::Null, "7"), error);
    for member in [
        "issuer",
        "jwks_uri",
        "token_endpoint",
        "introspection_endpoint",
        "revocation_endpoint",
    ] {
        let mut other = metadata();
        other[member] = json!("https://other.example/oauth2/token");
        assert_eq!(outcome(&other, "7"), error, "{member}");
    }
}

/// A response with a media type.
fn answer(status: StatusCode, media_type: &'static str, body: &str) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    Answer {
        status,
        headers,
        body: body.to_owned().into(),
        local: "127.0.0.1:1".parse().unwrap(),
    }
}

#[test]
fn proofs_without_algorithms_or_without_their_header_are_an_error() {
    let some = json!({"dpop_signing_alg_values_supported": ["EdDSA"]});
    let refused = |status, reason: &str| {
        let body = json!({"reason": reason}).to_string();
        answer(status, "application/problem+json", &body)
    };
    let outcome = |metadata: &Value, status, reason| {
        assess_dpop(metadata, &refused(status, reason)).outcome()
    };
    let denied = StatusCode::UNAUTHORIZED;
    let error = ("public_url.dpop", Error);
    let fine = outcome(&some, denied, "TOKEN_INVALID");
    assert_eq!(fine, ("public_url.dpop", Ok));
    assert_eq!(outcome(&some, denied, "DPOP_PROOF_REQUIRED"), error);
    let unknown = outcome(&some, StatusCode::BAD_GATEWAY, "");
    assert_eq!(unknown, ("public_url.dpop", Warning));
    let none = json!({"dpop_signing_alg_values_supported": []});
    assert_eq!(outcome(&none, denied, "TOKEN_INVALID"), error);
    assert_eq!(outcome(&Value::Null, denied, "TOKEN_INVALID"), error);
}

#[test]
fn missing_hsts_is_a_warning_except_on_loopback() {
    let mut headers = HeaderMap::new();
    assert_eq!(assess_hsts(&headers, true).severity, Ok);
    let missing = assess_hsts(&headers, false);
    assert_eq!(missing.outcome(), ("public_url.hsts", Warning));
    let value = HeaderValue::from_static("max-age=31536000");
    headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
    assert_eq!(assess_hsts(&headers, false).severity, Ok);
}

#[test]
fn cookie_that_browsers_refuse_is_an_error_and_not_shown() {
    let outcome = |cookie: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert(header::SET_COOKIE, HeaderValue::from_static(cookie));
        let finding = assess_cookies(&headers, "__Host-login");
        assert!(!finding.found.contains("hush"));
        finding.outcome()
    };
    let unchanged = outcome("__Host-login=hush; HttpOnly; Secure; Path=/");
    assert_eq!(unchanged, ("public_url.cookies", Ok));
    for cookie in [
        "login=hush; Secure; Path=/",
        "__Host-login=hush; Path=/",
        "__Host-login=hush; Secure; Path=/auth",
        "__Host-login=hush; Secure; Path=/; Domain=id.example",
    ] {
        let outcome = outcome(cookie);
        assert_eq!(outcome, ("public_url.cookies", Error), "{cookie}");
    }
}

#[test]
fn registration_that_does_not_arrive_is_a_warning() {
    let own = || answer(StatusCode::UNAUTHORIZED, "application/problem+json", "{}");
    assert_eq!(assess_device_binding(&[own(), own()]).severity, Ok);
    for other in [
        answer(StatusCode::NOT_FOUND, "application/problem+json", "{}"),
        answer(StatusCode::BAD_GATEWAY, "text/html", ""),
        answer(StatusCode::UNAUTHORIZED, "text/html", ""),
    ] {
        let finding = assess_device_binding(&[own(), other]);
        assert_eq!(finding.outcome(), ("public_url.device_binding", Warning));
    }
}

#[test]
fn refused_certificate_is_an_error_and_missing_authorities_a_warning() {
    let refused = refused(ORIGIN, &"expired");
    assert_eq!(refused.outcome(), ("public_url.certificate", Error));
    let unknown = no_authorities();
    assert_eq!(unknown.outcome(), ("public_url.certificate", Warning));
}

#[test]
fn url_that_does_not_answer_is_a_warning() {
    let finding = unreachable(ORIGIN, &"timed out");
    assert_eq!(finding.outcome(), ("public_url.reachable", Warning));
}
