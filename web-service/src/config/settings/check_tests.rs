use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Parser;

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
}

/// The settings that are needed, with this one in place of its default.
fn serve(flag: &str, value: &str) -> Result<ServeConfig, String> {
    let key = STANDARD.encode(b"for tests: neither drawn nor one");
    let secret = "for tests: between both services";
    let needed = [("secret-key", key.as_str()), ("auth-secret", secret)];
    let flags = needed.into_iter().filter(|(needed, _)| *needed != flag);
    let flags = flags
        .chain([(flag, value)])
        .map(|(flag, value)| format!("--{flag}={value}"));
    let flags = ["web-service".to_owned()].into_iter().chain(flags);
    let served = Cli::try_parse_from(flags).unwrap().settings.serve();
    served
        .map(|(_, config)| config)
        .map_err(|why| why.to_string())
}

#[test]
fn what_can_be_meant_is_brought_into_one_form() {
    let origin = |written| {
        serve("public-url", written)
            .unwrap()
            .public_url
            .unwrap()
            .origin
    };
    for written in [
        "https://id.example/",
        "HTTPS://ID.example:443",
        " https://id.example",
    ] {
        assert_eq!(origin(written), "https://id.example");
    }
    let urls = serve("auth-url", " http://A:50051 , https://b/,").map(|config| config.auth.urls);
    assert!(
        urls.unwrap_err().contains("WEB_AUTH_CA: not set"),
        "both are read"
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

/// A flag, a value that it does not take, and what is said of that.
const REFUSED: &[(&str, &str, &str)] = &[
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
        "WEB_TRUSTED_PROXIES: \"0.0.0.0/0\": would take everybody's word",
    ),
    (
        "trusted-proxies",
        "127.0.0.1,::/0",
        "would take everybody's word",
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
fn what_cannot_be_meant_is_refused_with_what_can() {
    for (flag, value, why) in REFUSED {
        let refused = serve(flag, value).map(|_| ()).unwrap_err();
        assert!(refused.contains(why), "{flag}={value}: {refused}");
        assert!(!refused.contains("hush"), "{refused}");
    }
    let equal = STANDARD.encode([8; 32]);
    let refused = serve("secret-key", &equal).map(|_| ()).unwrap_err();
    assert!(
        refused.contains("WEB_SECRET_KEY: does not look random"),
        "{refused}"
    );
}
