use axum::http::HeaderValue;
use holdfast_server_kit::doctor::Severity::{Error, Ok, Warning};
use serde_json::json;

use super::*;

const ORIGIN: &str = "https://id.example";

#[test]
fn metadata_of_another_installation_is_an_error() {
    let severity = |issuer: &str, jwks_uri: &str, kid: &str| {
        let metadata = json!({"issuer": issuer, "jwks_uri": jwks_uri});
        let jwks = json!({"keys": [{"kid": kid}]});
        assess_metadata(&metadata, &jwks, ORIGIN, &["7".to_owned()]).severity
    };
    let jwks_uri = "https://id.example/.well-known/jwks.json";
    assert_eq!(severity(ORIGIN, jwks_uri, "7"), Ok);
    assert_eq!(severity("https://other.example", jwks_uri, "7"), Error);
    assert_eq!(severity(ORIGIN, "https://other.example/jwks", "7"), Error);
    assert_eq!(severity(ORIGIN, jwks_uri, "8"), Error);
    assert_eq!(
        assess_metadata(&Value::Null, &Value::Null, ORIGIN, &[]).severity,
        Error
    );
}

#[test]
fn metadata_without_algorithms_of_proofs_is_an_error() {
    let some = json!({"dpop_signing_alg_values_supported": ["EdDSA"]});
    assert_eq!(assess_dpop(&some).severity, Ok);
    let none = json!({"dpop_signing_alg_values_supported": []});
    assert_eq!(assess_dpop(&none).severity, Error);
    assert_eq!(assess_dpop(&Value::Null).severity, Error);
}

#[test]
fn missing_hsts_is_a_warning_except_on_loopback() {
    let mut headers = HeaderMap::new();
    assert_eq!(assess_hsts(&headers, true).severity, Ok);
    assert_eq!(assess_hsts(&headers, false).severity, Warning);
    let value = HeaderValue::from_static("max-age=31536000");
    headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
    assert_eq!(assess_hsts(&headers, false).severity, Ok);
}

#[test]
fn cookie_that_browsers_refuse_is_an_error_and_not_shown() {
    let severity = |cookie: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert(header::SET_COOKIE, HeaderValue::from_static(cookie));
        let finding = assess_cookies(&headers, "__Host-login");
        assert!(!finding.found.contains("hush"));
        finding.severity
    };
    assert_eq!(severity("__Host-login=hush; HttpOnly; Secure; Path=/"), Ok);
    for cookie in [
        "login=hush; Secure; Path=/",
        "__Host-login=hush; Path=/",
        "__Host-login=hush; Secure; Path=/auth",
        "__Host-login=hush; Secure; Path=/; Domain=id.example",
    ] {
        assert_eq!(severity(cookie), Error, "{cookie}");
    }
}

#[test]
fn registration_that_does_not_arrive_is_a_warning() {
    assert_eq!(assess_device_binding(StatusCode::UNAUTHORIZED).severity, Ok);
    for status in [
        StatusCode::NOT_FOUND,
        StatusCode::METHOD_NOT_ALLOWED,
        StatusCode::BAD_GATEWAY,
    ] {
        assert_eq!(assess_device_binding(status).severity, Warning);
    }
}
