use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Parser;
use holdfast_identity::key::{Algorithm, PUBLICATION_LEAD_TIME};

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
}

/// The required settings, with one more.
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
fn issuer_in_any_spelling_becomes_its_origin() {
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
fn lists_and_keywords_are_normalized() {
    let audiences = policy("audience", " https://a.example , b,").audiences;
    assert_eq!(audiences, ["https://a.example", "b"]);
    assert_eq!(policy("dpop", "Require").dpop, DpopPolicy::Require);
    let (_, config) = settings("reflection", "ON").serve().unwrap();
    assert!(config.reflection);
    assert!(!config.outbound.private_addresses);
    let (_, config) = settings("outbound-private-addresses", "on")
        .serve()
        .unwrap();
    assert!(config.outbound.private_addresses);
    let (_, config) = settings("signing-algorithm", "es256").serve().unwrap();
    assert_eq!(config.signing_algorithm, Algorithm::Es256);
    assert_eq!(
        config.id_token_algorithms,
        [Algorithm::EdDsa, Algorithm::Es256]
    );
    let listed = settings("id-token-algorithms", " rs256, EdDSA,").serve();
    let (_, config) = listed.unwrap();
    assert_eq!(
        config.id_token_algorithms,
        [Algorithm::Rs256, Algorithm::EdDsa]
    );
    let (_, config) = settings("listen", "localhost:50051").serve().unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:50051");
}

/// A flag, a value that it rejects, and a part of the message.
const REJECTED: &[(&str, &str, &str)] = &[
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
        "AUTH_AUDIENCE: \"https://a.example b\": contains whitespace",
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
    (
        "signing-algorithm",
        "RS256",
        "AUTH_SIGNING_ALGORITHM: \"RS256\": must be one of EdDSA, ES256",
    ),
    (
        "id-token-algorithms",
        "EdDSA,PS256",
        "AUTH_ID_TOKEN_ALGORITHMS: \"PS256\": must be one of EdDSA, ES256, RS256",
    ),
    (
        "id-token-algorithms",
        "ES256,EdDSA,es256",
        "AUTH_ID_TOKEN_ALGORITHMS: \"es256\": is listed twice",
    ),
    (
        "id-token-algorithms",
        ",",
        "AUTH_ID_TOKEN_ALGORITHMS: list at least one of EdDSA, ES256, RS256",
    ),
    (
        "reflection",
        "perhaps",
        "AUTH_REFLECTION: \"perhaps\": must be one of on, off",
    ),
    (
        "outbound-private-addresses",
        "perhaps",
        "AUTH_OUTBOUND_PRIVATE_ADDRESSES: \"perhaps\": must be one of on, off",
    ),
    (
        "client-metadata-documents",
        "perhaps",
        "AUTH_CLIENT_METADATA_DOCUMENTS: \"perhaps\": must be one of on, off",
    ),
    (
        "outbound-ca",
        "/no/such/file.pem",
        "AUTH_OUTBOUND_CA: /no/such/file.pem: No such file",
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
    #[cfg(feature = "postgres")]
    (
        "database-url",
        "postgres://auth:hush@db/holdfast",
        "AUTH_REDIS_URL: required with PostgreSQL",
    ),
    #[cfg(feature = "postgres")]
    (
        "database-url",
        "postgres://:hush@db",
        "AUTH_DATABASE_URL: must be sqlite:FILE",
    ),
    (
        "redis-url",
        "http://:hush@redis",
        "AUTH_REDIS_URL: must be a URL such as redis://redis:6379",
    ),
    (
        "tls-client-ca",
        "ca.pem",
        "AUTH_TLS_CLIENT_CA: requires AUTH_TLS_CERT and AUTH_TLS_KEY",
    ),
    (
        "tls-cert",
        "port.pem",
        "AUTH_TLS_CERT and AUTH_TLS_KEY: set both or neither",
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
fn invalid_setting_is_rejected_with_an_example() {
    for (flag, value, part) in REJECTED {
        let problems = settings(flag, value).serve().map(|_| ()).unwrap_err();
        let message = problems.to_string();
        assert!(message.contains(part), "{flag}={value}: {message}");
        assert!(!message.contains("hush"), "{message}");
    }
    let equal = STANDARD.encode([7; 32]);
    let flags = ["auth-service", &format!("--key-encryption-key={equal}")];
    let settings = Cli::try_parse_from(flags).unwrap().settings;
    let message = settings.keys().unwrap_err().to_string();
    assert!(
        message.contains("AUTH_KEY_ENCRYPTION_KEY: does not look random"),
        "{message}"
    );
}

#[test]
fn commands_for_keys_have_the_algorithms_of_the_service() {
    let config = settings("id-token-algorithms", "RS256").keys().unwrap();
    let expected = KeyAlgorithms::new(Algorithm::EdDsa, &[Algorithm::Rs256]);
    assert_eq!(config.algorithms, expected);
    let problems = settings("id-token-algorithms", "none").keys();
    let message = problems.unwrap_err().to_string();
    assert!(message.contains("AUTH_ID_TOKEN_ALGORITHMS"), "{message}");
}

#[test]
fn shortest_key_age_is_twice_the_time_of_publication_before_signing() {
    let config = settings("key-max-age", MIN_KEY_MAX_AGE).keys().unwrap();
    assert_eq!(config.max_age, PUBLICATION_LEAD_TIME * 2);
}

#[cfg(feature = "postgres")]
#[test]
fn one_instance_on_postgresql_needs_no_redis() {
    let key = STANDARD.encode(b"for tests: neither drawn nor one");
    let flags = [
        "auth-service",
        &format!("--key-encryption-key={key}"),
        "--issuer=https://id.example",
        "--database-url=postgres://auth@db/holdfast",
        "--single-instance=on",
    ];
    let settings = Cli::try_parse_from(flags).unwrap().settings;
    let (_, config) = settings.serve().unwrap();
    assert!(config.database.file().is_none());
}
