//! `doctor` of both services: a good installation, and several in which one thing is wrong.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    time::{Duration, Instant},
};

use e2e::{
    pair::{Options, Pair, SECRET_KEY, SERVICE_SECRET},
    program::output,
    redis::Redis,
};
use holdfast_core::{
    clock::{Clock as _, SystemClock},
    private_file,
};
use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;

use crate::command_line::later_version;

/// A dead peer is found within the deadlines of all checks.
const DEADLINE: Duration = Duration::from_secs(25);

/// What `doctor` found.
struct Diagnosis {
    status: i32,
    text: String,
    findings: Vec<Value>,
}

impl Diagnosis {
    /// The checks with this severity.
    fn checks(&self, severity: &str) -> Vec<&str> {
        let findings = self.findings.iter();
        let findings = findings.filter(|finding| finding["severity"] == severity);
        findings
            .map(|finding| finding["check"].as_str().unwrap())
            .collect()
    }

    fn assert_has(&self, severity: &str, check: &str) {
        let status = if severity == "error" { 2 } else { 1 };
        assert!(self.status >= status, "{}", self.text);
        assert!(self.checks(severity).contains(&check), "{}", self.text);
    }
}

/// Runs `doctor` of a service with further settings, beside the running services.
async fn doctor(pair: &Pair, service: &str, settings: &[(&str, &str)]) -> Diagnosis {
    let begun = Instant::now();
    let mut command = pair.doctor(service);
    for (name, value) in settings {
        command.env(name, value);
    }
    let (status, text) = output(&mut command).await;
    assert!(begun.elapsed() < DEADLINE, "{:?}", begun.elapsed());
    for secret in [SERVICE_SECRET, SECRET_KEY] {
        assert!(!text.contains(secret), "{text}");
    }
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["service"], service);
    Diagnosis {
        status: status.unwrap(),
        findings: report["findings"].as_array().unwrap().clone(),
        text,
    }
}

async fn pair(redis: &Redis) -> Pair {
    Pair::start_with(Options {
        web: vec![("WEB_SESSION_STORE", redis.url())],
        auth: vec![
            ("AUTH_REDIS_URL", redis.url()),
            ("AUTH_REFLECTION", "off".to_owned()),
        ],
    })
    .await
}

#[tokio::test]
async fn good_installation_has_no_problem() {
    let redis = Redis::start().await;
    let pair = pair(&redis).await;
    for service in ["auth-service", "web-service"] {
        let diagnosis = doctor(&pair, service, &[]).await;
        assert_eq!(diagnosis.status, 0, "{}", diagnosis.text);
        assert!(diagnosis.checks("ok").len() > 15, "{}", diagnosis.text);
    }
    let changed = redis.keys().await;
    assert!(changed.iter().all(|key| key == "once:probe"), "{changed:?}");
}

#[tokio::test]
async fn each_problem_of_auth_service_is_found() {
    let redis = Redis::start_with(&["--maxmemory-policy", "allkeys-lru"]).await;
    let pair = pair(&redis).await;
    let found = async |settings: &[(&str, &str)]| doctor(&pair, "auth-service", settings).await;
    found(&[]).await.assert_has("warning", "redis.eviction");
    let reflection = found(&[("AUTH_REFLECTION", "on")]).await;
    reflection.assert_has("warning", "settings.reflection");
    assert_eq!(reflection.status, 1, "{}", reflection.text);
    let dead = found(&[("AUTH_REDIS_URL", "redis://127.0.0.1:1")]).await;
    dead.assert_has("error", "redis.reachable");
    let other_key = "ZkQ0bVh3N3lQczJMdjlSdEg2Y0ozbk5hOGVUYjVXdUk=";
    let closed = found(&[("AUTH_KEY_ENCRYPTION_KEY", other_key)]).await;
    closed.assert_has("error", "keys.sealed");
    let invalid = found(&[("AUTH_ACCESS_TTL", "soon")]).await;
    assert_eq!(invalid.checks("error"), ["settings.valid"]);

    later_version(&pair.directory.path().join("auth.db")).await;
    found(&[]).await.assert_has("error", "database.schema");
}

#[tokio::test]
async fn unsafe_and_expired_files_of_auth_service_are_found() {
    let redis = Redis::start().await;
    let pair = pair(&redis).await;
    let directory = pair.directory.path();
    let file = |name: &str| directory.join(name).display().to_string();
    private_file::write(&directory.join("secret"), SERVICE_SECRET.as_bytes()).unwrap();
    let readable = fs::Permissions::from_mode(0o644);
    fs::set_permissions(directory.join("secret"), readable).unwrap();
    let settings = [
        ("AUTH_SERVICE_SECRET", ""),
        ("AUTH_SERVICE_SECRET_FILE", &*file("secret")),
    ];
    let diagnosis = doctor(&pair, "auth-service", &settings).await;
    diagnosis.assert_has("error", "settings.valid");
    diagnosis.assert_has("error", "files.permissions");

    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = SystemClock.now() - Duration::from_hours(1);
    let certificate = params.self_signed(&key).unwrap().pem();
    fs::write(directory.join("expired.pem"), certificate).unwrap();
    private_file::write(
        &directory.join("expired.key"),
        key.serialize_pem().as_bytes(),
    )
    .unwrap();
    let settings = [
        ("AUTH_TLS_CERT", &*file("expired.pem")),
        ("AUTH_TLS_KEY", &*file("expired.key")),
    ];
    let diagnosis = doctor(&pair, "auth-service", &settings).await;
    assert_eq!(diagnosis.checks("error"), ["tls.certificate"]);
}

#[tokio::test]
async fn each_problem_of_web_service_is_found() {
    let redis = Redis::start().await;
    let pair = pair(&redis).await;
    let found = async |settings: &[(&str, &str)]| doctor(&pair, "web-service", settings).await;
    let other = found(&[("WEB_AUTH_SECRET", "Yk3vQ9xT2mLw8ZrB5nHs7CdJ4fGp6KaE")]).await;
    other.assert_has("error", "auth.identity");
    let dead = found(&[("WEB_AUTH_URL", "http://127.0.0.1:1")]).await;
    dead.assert_has("error", "auth.reachable");
    let dead = found(&[("WEB_SESSION_STORE", "redis://127.0.0.1:1")]).await;
    dead.assert_has("error", "redis.reachable");
    let memory = found(&[("WEB_SESSION_STORE", "memory")]).await;
    assert_eq!(memory.checks("warning"), ["settings.session_store"]);
    let replicas = found(&[("WEB_SESSION_REPLICAS", "1")]).await;
    assert_eq!(replicas.checks("error"), ["redis.replicas"]);
    let elsewhere = found(&[("WEB_PUBLIC_URL", "https://localhost:1")]).await;
    elsewhere.assert_has("warning", "public_url.reachable");
    elsewhere.assert_has("error", "auth.issuer");

    redis.hang(true);
    let hanging = found(&[]).await;
    redis.hang(false);
    hanging.assert_has("error", "redis.reachable");
}

#[tokio::test]
async fn doctor_answers_while_the_services_do_not_run() {
    let redis = Redis::start().await;
    let mut pair = pair(&redis).await;
    for program in [&mut pair.web, &mut pair.auth] {
        program.signal(rustix::process::Signal::TERM);
        assert!(program.exit().await.success());
    }
    let before = files(&pair);
    let auth = doctor(&pair, "auth-service", &[]).await;
    assert_eq!(auth.status, 0, "{}", auth.text);
    let stopped = doctor(&pair, "auth-service", &[("AUTH_OPS_LISTEN", "127.0.0.1:1")]).await;
    assert_eq!(stopped.checks("warning"), ["service.ready"]);
    assert_eq!(files(&pair), before, "no file was created");
    let web = doctor(&pair, "web-service", &[]).await;
    web.assert_has("error", "auth.reachable");
    web.assert_has("warning", "public_url.reachable");
}

fn files(pair: &Pair) -> Vec<String> {
    let files = fs::read_dir(pair.directory.path()).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}
