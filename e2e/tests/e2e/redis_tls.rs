//! Redis over TLS with client certificates, and users with the documented permissions only.

use std::path::Path;

use e2e::{
    pair::Pair,
    port,
    program::output,
    redis::Redis,
    redis_group::{Cluster, Sentinels},
};
use serde_json::Value;

use crate::{
    redis_group::{cached, counts, pair, wrong_password},
    tls::make_authority,
};

/// The permissions that docs/OPERATIONS.md lists: for one server, and beside them for a server behind Sentinel and for a Cluster.
const WEB: &str = "+get +set +del +expire +time +info +ping +hello +client|id +client|tracking";
const AUTH: &str = "+set +del +exists +hget +hset +hsetnx +hdel +hincrby +pexpire +pttl +time +evalsha \
     +script|load +info";
const WITH_SENTINEL: &str = "+role";
const IN_CLUSTER: &str = "+cluster|slots +asking +ping";
const WEB_IN_CLUSTER: &str = "+cluster|info +client|trackinginfo";

/// The keys of auth-service, in one server and in a Cluster.
const AUTH_KEYS: &str = "~once:* ~throttle:*";
const AUTH_KEYS_IN_CLUSTER: &str = "~{holdfast}:*";

/// The settings for the users of both services.
fn users(web: &[&str], auth: &[&str]) -> Vec<String> {
    let user = |name: &str, rules: &[&str]| {
        let rules = rules.join(" ");
        format!("--user {name} on >hush-{name} {rules}")
    };
    let users = [user("web", &[&["~*"], web].concat()), user("auth", auth)].join(" ");
    users.split(' ').map(str::to_owned).collect()
}

/// A Redis with TLS on the returned port, which requires a client certificate.
async fn redis(directory: &Path) -> (Redis, u16) {
    make_authority(directory, &["localhost", "client"]);
    let file = |name: &str| directory.join(name).display().to_string();
    let tls_port = port::free();
    let (certificate, key, authority) = (
        file("localhost.pem"),
        file("localhost.key"),
        file("authority.pem"),
    );
    let users = users(&[WEB], &[AUTH_KEYS, AUTH]);
    let tls_port_text = tls_port.to_string();
    let mut settings = vec!["--tls-port", &tls_port_text];
    settings.extend(["--tls-cert-file", &certificate, "--tls-key-file", &key]);
    settings.extend(["--tls-ca-cert-file", &authority]);
    settings.extend(users.iter().map(String::as_str));
    (Redis::start_with(&settings).await, tls_port)
}

fn url(directory: &Path, user: &str, port: u16) -> String {
    let directory = directory.display();
    format!(
        "rediss://{user}:hush-{user}@localhost:{port}?sslrootcert={directory}/authority.pem\
         &sslcert={directory}/client.pem&sslkey={directory}/client.key"
    )
}

#[tokio::test]
async fn services_use_redis_over_mutual_tls_with_documented_permissions() {
    let directory = tempfile::tempdir().unwrap();
    let (redis, port) = redis(directory.path()).await;
    let pair = pair(
        url(directory.path(), "web", port),
        url(directory.path(), "auth", port),
    )
    .await;
    permissions_suffice(&pair, std::slice::from_ref(&redis)).await;
}

/// `doctor` of both services finds no problem in Redis. Whether it keeps its data, and how fast it is, are not matters of permissions.
async fn doctor_is_permitted(pair: &Pair) {
    for service in ["auth-service", "web-service"] {
        let (_, text) = output(&mut pair.doctor(service)).await;
        let report: Value = serde_json::from_str(&text).unwrap();
        let findings = report["findings"].as_array().unwrap().iter();
        let of_redis = findings.filter(|finding| {
            let check = finding["check"].as_str().unwrap();
            check.starts_with("redis.") && !["redis.persistence", "redis.latency"].contains(&check)
        });
        let of_redis: Vec<_> = of_redis.collect();
        assert!(of_redis.len() >= 6, "{text}");
        assert!(of_redis.iter().all(|one| one["severity"] == "ok"), "{text}");
    }
}

/// Sessions are cached and attempts counted in these servers, which have denied nothing.
async fn permissions_suffice(pair: &Pair, servers: &[Redis]) {
    let cookie = pair.site.form_login("ada").await;
    cached(pair, servers, &cookie).await;
    assert_eq!(wrong_password(pair).await, 401);
    doctor_is_permitted(pair).await;
    let mut is_counted = false;
    for server in servers {
        is_counted |= counts(server, "0").await;
        let denied = server.cli(&["ACL", "LOG"]).await;
        assert_eq!(denied, "", "a permission is missing");
    }
    assert!(is_counted);
}

/// A URL with the user and password of a service.
fn with_user(url: &str, user: &str) -> String {
    url.replace("://", &format!("://{user}:hush-{user}@"))
}

#[tokio::test]
async fn documented_permissions_suffice_with_sentinel() {
    let users = users(&[WEB, WITH_SENTINEL], &[AUTH_KEYS, AUTH, WITH_SENTINEL]);
    let users: Vec<_> = users.iter().map(String::as_str).collect();
    let group = Sentinels::start_with(1, &users).await;
    let url = group.url(0);
    let pair = pair(with_user(&url, "web"), with_user(&url, "auth")).await;
    permissions_suffice(&pair, &group.servers).await;
}

#[tokio::test]
async fn documented_permissions_suffice_in_cluster() {
    let users = users(
        &[WEB, IN_CLUSTER, WEB_IN_CLUSTER],
        &[AUTH_KEYS_IN_CLUSTER, AUTH, IN_CLUSTER],
    );
    let users: Vec<_> = users.iter().map(String::as_str).collect();
    let cluster = Cluster::start_with(&users).await;
    let url = cluster.url();
    let pair = pair(with_user(&url, "web"), with_user(&url, "auth")).await;
    permissions_suffice(&pair, &cluster.nodes).await;
}

#[tokio::test]
async fn redis_of_another_authority_is_not_used() {
    let (directory, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (redis, port) = redis(directory.path()).await;
    make_authority(other.path(), &["client"]);
    let mut pair = pair(
        url(other.path(), "web", port),
        url(other.path(), "auth", port),
    )
    .await;
    assert_eq!(pair.site.try_form_login("ada").await.status(), 503);
    assert_eq!(wrong_password(&pair).await, 401, "counted in memory");
    assert!(!counts(&redis, "0").await);
    assert_eq!(pair.ready_web().await, 503);
    pair.web.printed("InvalidCertificate").await;
}
