use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Parser;

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
}

/// The configuration of the required settings, with one more.
fn serve(flag: &str, value: &str) -> Result<ServeConfig, String> {
    let key = STANDARD.encode(b"for tests: neither drawn nor one");
    let secret = "for tests: between both services";
    let required = [("secret-key", key.as_str()), ("auth-secret", secret)];
    let flags = required
        .into_iter()
        .filter(|(required, _)| *required != flag);
    let flags = flags
        .chain([(flag, value)])
        .map(|(flag, value)| format!("--{flag}={value}"));
    let flags = ["web-service".to_owned()].into_iter().chain(flags);
    let parsed = Cli::try_parse_from(flags).unwrap().settings.serve();
    parsed
        .map(|(_, config)| config)
        .map_err(|problems| problems.to_string())
}

#[test]
fn settings_in_any_spelling_are_normalized() {
    let origin = |text| {
        serve("public-url", text)
            .unwrap()
            .public_url
            .unwrap()
            .origin
    };
    for text in [
        "https://id.example/",
        "HTTPS://ID.example:443",
        " https://id.example",
    ] {
        assert_eq!(origin(text), "https://id.example");
    }
    let urls = serve("auth-url", " http://A:50051 , https://b/,").map(|config| config.auth.urls);
    assert!(
        urls.unwrap_err().contains("WEB_AUTH_CA: not set"),
        "both are parsed"
    );
    let urls = serve("auth-url", " http://A:50051 , http://b/,")
        .unwrap()
        .auth
        .urls;
    assert_eq!(
        urls.iter().map(Url::as_str).collect::<Vec<_>>(),
        ["http://a:50051/", "http://b/"]
    );
    let proxies = serve("trusted-proxies", " 10.0.0.0/8 ,192.0.2.1, ")
        .unwrap()
        .trusted_proxies;
    assert!(proxies.contains("192.0.2.1".parse().unwrap()));
    assert!(serve("return-origins", " https://App.example/ , ").is_ok());
    let config = serve("listen", "localhost:8443").unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8443");
    assert!(!serve("clear-site-data", "False").unwrap().clear_site_data);
    let binding = serve("device-binding", "OFF")
        .unwrap()
        .device_binding
        .binding;
    assert_eq!(binding, DeviceBinding::Off);
    let store = serve("session-store", " Memory ").unwrap().session_store;
    assert!(matches!(store, SessionStoreConfig::Memory));
}

/// A flag, a value that it rejects, and a part of the message.
const REJECTED: &[(&str, &str, &str)] = &[
    (
        "session-replicas",
        "1",
        "WEB_SESSION_REPLICAS: must be 0 unless WEB_SESSION_STORE is a Redis",
    ),
    ("session-replicas", "6", "WEB_SESSION_REPLICAS"),
    (
        "public-url",
        "http://id.example",
        "WEB_PUBLIC_URL: \"http://id.example\": must begin with https://",
    ),
    (
        "public-url",
        "http://localhost:8443",
        "must begin with https://",
    ),
    (
        "public-url",
        "https://ada:hush@id.example",
        "WEB_PUBLIC_URL: the URL: has credentials",
    ),
    ("public-url", "https://id.example/app", "has a path"),
    ("public-url", "https://id.example/?a", "has a query"),
    ("public-url", "https://id.example/#a", "has a fragment"),
    ("public-url", "id.example", "such as https://id.example"),
    (
        "return-origins",
        "https://app.example/a",
        "WEB_RETURN_ORIGINS: \"https://app.example/a\": has a path",
    ),
    (
        "auth-url",
        "localhost:50051",
        "such as http://auth-service:50051",
    ),
    (
        "auth-url",
        "http://ada:hush@auth:50051",
        "WEB_AUTH_URL: the URL: has credentials",
    ),
    ("auth-url", "http://auth:50051/grpc", "has a path"),
    (
        "auth-url",
        ",",
        "WEB_AUTH_URL: is empty; give an address such as",
    ),
    (
        "trusted-proxies",
        "0.0.0.0/0",
        "WEB_TRUSTED_PROXIES: \"0.0.0.0/0\": would trust the headers of every client",
    ),
    (
        "trusted-proxies",
        "127.0.0.1,::/0",
        "would trust the headers of every client",
    ),
    ("trusted-proxies", "nginx", "such as 10.0.0.0/8"),
    (
        "listen",
        ":8443",
        "WEB_LISTEN: \":8443\": must be an IP address and a port",
    ),
    (
        "ops-listen",
        "9443",
        "WEB_OPS_LISTEN: \"9443\": must be an IP address and a port",
    ),
    (
        "ext-authz-listen",
        "envoy:9002",
        "WEB_EXT_AUTHZ_LISTEN: \"envoy:9002\": must be an IP",
    ),
    (
        "idle-timeout",
        "1y",
        "WEB_IDLE_TIMEOUT: \"1y\": must be from 1s to 31d",
    ),
    (
        "absolute-timeout",
        "10y",
        "WEB_ABSOLUTE_TIMEOUT: \"10y\": must be from 1s to 366d",
    ),
    (
        "revocation-max-staleness",
        "1d",
        "WEB_REVOCATION_MAX_STALENESS: \"1d\": must be from 1s to 1h",
    ),
    (
        "max-connections",
        "18446744073709551615",
        "WEB_MAX_CONNECTIONS",
    ),
    ("tls", "maybe", "WEB_TLS: \"maybe\": must be one of on, off"),
    (
        "device-binding",
        "maybe",
        "must be one of off, prefer, require",
    ),
    ("device-theft", "maybe", "must be one of report, end"),
    (
        "session-store",
        "redis:6379",
        "must be memory, or a URL such as redis://",
    ),
    (
        "auth-secret",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "WEB_AUTH_SECRET: repeats a few",
    ),
];

#[test]
fn invalid_setting_is_rejected_with_an_example() {
    for (flag, value, part) in REJECTED {
        let message = serve(flag, value).map(|_| ()).unwrap_err();
        assert!(message.contains(part), "{flag}={value}: {message}");
        assert!(!message.contains("hush"), "{message}");
    }
    let equal = STANDARD.encode([8; 32]);
    let message = serve("secret-key", &equal).map(|_| ()).unwrap_err();
    assert!(
        message.contains("WEB_SECRET_KEY: does not look random"),
        "{message}"
    );
}
