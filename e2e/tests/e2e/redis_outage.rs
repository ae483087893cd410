//! Failures of Redis, and of the connection between the services, while sessions are in Redis.

use std::time::{Duration, Instant};

use e2e::{
    pair::{Options, PASSWORD, Pair},
    redis::Redis,
    wait::until,
};

use crate::redis_sessions::pair;

#[tokio::test]
async fn redis_outage_signs_nobody_out_and_fails_fast() {
    let mut redis = Redis::start().await;
    let pair = pair(&redis, "30m").await;
    let cookie = pair.site.form_login("ada").await;
    redis.kill().await;

    for path in ["/dashboard", "/api/session"] {
        let begun = Instant::now();
        let response = pair.site.get(path, &cookie).await;
        assert_eq!(response.status(), 503, "{path}");
        assert!(response.headers().contains_key("retry-after"), "{path}");
        assert!(response.headers().get("set-cookie").is_none(), "{path}");
        assert!(
            begun.elapsed().as_secs() < 2,
            "{path}: {:?}",
            begun.elapsed()
        );
    }
}

#[tokio::test]
async fn hanging_redis_signs_nobody_out_and_costs_one_timeout() {
    let redis = Redis::start().await;
    let mut pair = pair(&redis, "30m").await;
    let cookie = pair.site.form_login("ada").await;
    let client = pair.site.client();
    let ask = async || {
        let begun = Instant::now();
        let request = client.get(pair.site.url("/api/session"));
        let response = request.header("cookie", &cookie).send().await.unwrap();
        (response.status().as_u16(), begun.elapsed())
    };
    redis.hang(true);

    let (status, took) = ask().await;
    assert_eq!(status, 503);
    assert!(took < Duration::from_secs(2), "{took:?}");
    until("the connection to count as down", async || {
        let (status, took) = ask().await;
        assert_eq!(status, 503);
        (took < Duration::from_millis(100)).then_some(())
    })
    .await;

    redis.hang(false);
    until("the session", async || (ask().await.0 == 200).then_some(())).await;
    assert_eq!(pair.ready_web().await, 200);
}

#[tokio::test]
async fn wrong_service_secret_is_logged_and_keeps_sessions() {
    let redis = Redis::start().await;
    let mut pair = pair(&redis, "30m").await;
    let cookie = pair.site.form_login("ada").await;

    pair.options.web.push((
        "WEB_AUTH_SECRET",
        "a secret that auth-service does not know".to_owned(),
    ));
    pair.restart_web().await;
    assert_eq!(pair.site.get("/dashboard", &cookie).await.status(), 503);
    assert_eq!(pair.ready_web().await, 503);
    pair.web.printed("the service secret is not the one").await;

    pair.options.web.pop();
    pair.restart_web().await;
    assert_eq!(pair.site.get("/dashboard", &cookie).await.status(), 200);
    assert_eq!(pair.ready_web().await, 200);
}

#[tokio::test]
async fn password_change_with_lost_session_write_reports_the_change() {
    let redis = Redis::start().await;
    let pair = pair(&redis, "30m").await;
    let cookie = pair.site.form_login("ada").await;
    let page = pair
        .site
        .get("/account/password", &cookie)
        .await
        .text()
        .await
        .unwrap();
    let token = e2e::site::form_token(&page);
    redis
        .cli(&["CONFIG", "SET", "min-replicas-to-write", "1"])
        .await;

    let form = [
        ("csrf_token", token.as_str()),
        ("current_password", PASSWORD),
        ("new_password", "a new and longer password"),
        ("new_password_again", "a new and longer password"),
    ];
    let request = pair
        .site
        .client()
        .post(pair.site.url("/account/password"))
        .header("cookie", &cookie);
    let response = request.form(&form).send().await.unwrap();

    assert_eq!(response.status(), 303);
    assert_eq!(response.headers()["location"], "/login");
    assert_eq!(
        pair.site
            .api_login("ada", "a new and longer password")
            .await
            .status(),
        200
    );
}

#[tokio::test]
async fn read_only_redis_makes_service_not_ready() {
    let redis = Redis::start().await;
    let mut pair = pair(&redis, "30m").await;
    let cookie = pair.site.form_login("ada").await;
    for (refuse, accept, cause) in [
        (
            ["CONFIG", "SET", "maxmemory", "1"],
            ["CONFIG", "SET", "maxmemory", "0"],
            "maxmemory",
        ),
        (
            ["CONFIG", "SET", "min-replicas-to-write", "1"],
            ["CONFIG", "SET", "min-replicas-to-write", "0"],
            "NOREPLICAS",
        ),
    ] {
        assert_eq!(pair.readiness_of_web().await.0, 200);
        redis.cli(&refuse).await;
        let (status, said) = pair.readiness_of_web().await;
        assert_eq!(status, 503);
        assert!(said.contains(cause), "{said}");
        redis.cli(&accept).await;
    }
    redis.cli(&["REPLICAOF", "127.0.0.1", "1"]).await;
    let (status, said) = pair.readiness_of_web().await;
    assert_eq!(status, 503);
    assert!(said.contains("READONLY"), "{said}");
    redis.cli(&["REPLICAOF", "NO", "ONE"]).await;
    assert_eq!(pair.readiness_of_web().await.0, 200);
    assert_eq!(pair.site.get("/dashboard", &cookie).await.status(), 200);
    assert_eq!(redis.keys().await.len(), 1, "probes leave nothing");
}

#[tokio::test]
async fn evicting_redis_is_logged_at_each_connection() {
    let mut redis = Redis::start().await;
    redis
        .cli(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"])
        .await;
    let options = Options {
        web: vec![("WEB_SESSION_STORE", redis.url())],
        auth: vec![("AUTH_REDIS_URL", redis.url())],
    };
    let mut pair = Pair::start_with(options).await;
    pair.web
        .printed("Redis removes sessions when it is full")
        .await;
    pair.auth.printed("Redis evicts counters").await;
    assert_eq!(pair.ready_web().await, 200);

    redis
        .restart_with(&["--maxmemory-policy", "volatile-lru"])
        .await;
    pair.web.printed("volatile-lru").await;
}
