use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Parser;
use holdfast_identity::key::PUBLICATION_LEAD_TIME;

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
}

/// The settings that are needed, with this one in place of its default.
fn settings(flag: &str, value: &str) -> Settings {
    let key = STANDARD.encode(b"for tests: neither drawn nor one");
    let mut flags = vec![
        "auth-service".to_owned(),
        format!("--key-encryption-key={key}"),
        format!("--{flag}={value}"),
    ];
    if flag != "issuer" {
        flags.push("--issuer=https://id.example".to_owned());
    }
    Cli::try_parse_from(flags).unwrap().settings
}

fn policy(flag: &str, value: &str) -> Policy {
    let config = settings(flag, value).serve();
    config.map_or_else(|why| panic!("{value}: {why}"), |(_, config)| config.policy)
}

#[test]
fn the_issuer_is_an_origin_in_its_normal_form() {
    for written in [
        "https://id.example",
        " https://id.example ",
        "https://id.example/",
        "HTTPS://ID.example",
        "https://id.example:443",
    ] {
        let policy = policy("issuer", written);
        assert_eq!(policy.issuer, "https://id.example");
        assert_eq!(policy.audiences, ["https://id.example"]);
    }
    let issuer = policy("issuer", "http://localhost:8443/").issuer;
    assert_eq!(issuer, "http://localhost:8443");
    let audiences = policy("audience", "https://ID.example/,https://a.example/").audiences;
    assert_eq!(audiences, ["https://id.example", "https://a.example/"]);
}

#[test]
fn lists_and_words_are_brought_into_one_form() {
    let audiences = policy("audience", " https://a.example , b,").audiences;
    assert_eq!(audiences, ["https://a.example", "b"]);
    assert_eq!(policy("dpop", "Require").dpop, DpopPolicy::Require);
    let (_, config) = settings("reflection", "ON").serve().unwrap();
    assert!(config.reflection);
    let (_, config) = settings("signing-algorithm", "es256").serve().unwrap();
    assert_eq!(config.signing_algorithm, Algorithm::Es256);
    let (_, config) = settings("listen", "localhost:50051").serve().unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:50051");
}

/// A flag, a value that it does not take, and what is said of that.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "issuer",
        "https://id.example/auth",
        "AUTH_ISSUER: \"https://id.example/auth\": has a path",
    ),
    ("issuer", "http://id.example", "such as https://id.example"),
    (
        "issuer",
        "https://ada:hush@id.example",
        "AUTH_ISSUER: the URL: has credentials",
    ),
    ("issuer", "id.example", "such as https://id.example"),
    (
        "audience",
        "https://a.example b",
        "AUTH_AUDIENCE: \"https://a.example b\": has a blank",
    ),
    (
        "listen",
        ":50051",
        "AUTH_LISTEN: \":50051\": must be an IP address and a port, such as",
    ),
    (
        "ops-listen",
        "9051",
        "AUTH_OPS_LISTEN: \"9051\": must be an IP address and a port",
    ),
    (
        "access-ttl",
        "10y",
        "AUTH_ACCESS_TTL: \"10y\": must be from 1s to 24h",
    ),
    (
        "access-ttl",
        "15",
        "AUTH_ACCESS_TTL: \"15\": time unit needed",
    ),
    (
        "refresh-ttl",
        "10y",
        "AUTH_REFRESH_TTL: \"10y\": must be from 1s to 366d",
    ),
    (
        "login-absolute-ttl",
        "11y",
        "AUTH_LOGIN_ABSOLUTE_TTL: \"11y\": must be from 1s to 10y",
    ),
    (
        "step-up-max-age",
        "30d",
        "AUTH_STEP_UP_MAX_AGE: \"30d\": must be from 1s to 24h",
    ),
    (
        "key-max-age",
        "19m",
        "AUTH_KEY_MAX_AGE: \"19m\": must be from 20m to 2y",
    ),
    (
        "key-max-age",
        "3y",
        "AUTH_KEY_MAX_AGE: \"3y\": must be from 20m to 2y",
    ),
    (
        "audit-retention",
        "1h",
        "AUTH_AUDIT_RETENTION: \"1h\": must be from 1d to 100y",
    ),
    (
        "dpop",
        "maybe",
        "AUTH_DPOP: \"maybe\": must be one of off, allow, require",
    ),
    ("signing-algorithm", "RS256", "must be one of EdDSA, ES256"),
    (
        "reflection",
        "perhaps",
        "AUTH_REFLECTION: \"perhaps\": must be one of on, off",
    ),
    (
        "max-connections",
        "0",
        "AUTH_MAX_CONNECTIONS: \"0\": must be a whole number from 1 to",
    ),
    (
        "max-connections",
        "18446744073709551615",
        "from 1 to 1000000",
    ),
    (
        "argon2-memory",
        "4294967295",
        "AUTH_ARGON2_MEMORY: \"4294967295\": must be a whole number",
    ),
    ("argon2-concurrency", "1025", "from 1 to 1024"),
    (
        "database-url",
        "sqlite:auth.db?mode=rwc",
        "AUTH_DATABASE_URL: must be sqlite:FILE",
    ),
    (
        "database-url",
        "postgres://db",
        "AUTH_DATABASE_URL: must be sqlite:FILE",
    ),
    (
        "service-secret",
        "short",
        "AUTH_SERVICE_SECRET: has fewer than 32 characters",
    ),
    (
        "service-secret",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "AUTH_SERVICE_SECRET: repeats a few",
    ),
];

#[test]
fn what_cannot_be_meant_is_refused_with_what_can() {
    for (flag, value, why) in REFUSED {
        let refused = settings(flag, value).serve().map(|_| ()).unwrap_err();
        let refused = refused.to_string();
        assert!(refused.contains(why), "{flag}={value}: {refused}");
        assert!(!refused.contains("hush"), "{refused}");
    }
    let equal = STANDARD.encode([7; 32]);
    let flags = ["auth-service", &format!("--key-encryption-key={equal}")];
    let settings = Cli::try_parse_from(flags).unwrap().settings;
    let refused = settings.keys().unwrap_err().to_string();
    assert!(
        refused.contains("AUTH_KEY_ENCRYPTION_KEY: does not look random"),
        "{refused}"
    );
}

#[test]
fn a_key_signs_for_as_long_again_as_it_is_published_before() {
    let config = settings("key-max-age", LEAST_KEY_MAX_AGE).keys().unwrap();
    assert_eq!(config.max_age, PUBLICATION_LEAD_TIME * 2);
}
