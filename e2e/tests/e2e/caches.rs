//! web-service uses its caches only while it receives revocations and changes of sessions.

use std::time::{Duration, Instant};

use e2e::{
    balancer::Balancer,
    pair::{Options, Pair},
    port,
    redis::Redis,
    wait::until,
};
use serde_json::Value;

use crate::races::rounds;

// Without the tested mechanism, entries would be valid for minutes. So the limits leave a margin for a busy machine.

/// Limit until the token cache is not used; the revocation stream is stale after three seconds without a message.
const STREAM_STALE: Duration = Duration::from_secs(8);

/// Limit until the session cache is not used; Redis is probed twice in a second, and silent after one and a half seconds.
const REDIS_SILENT: Duration = Duration::from_secs(6);

/// Limit until a change that is delivered takes effect.
const DELIVERED: Duration = Duration::from_secs(2);

async fn pair_with_token() -> (Pair, Value) {
    let mut pair = Pair::start().await;
    // From then on the revocation stream is fresh, and results are cached.
    while pair.ready_web().await != 200 {}
    pair.add_user("ada", &[]).await;
    let tokens = pair.site.tokens("ada").await;
    (pair, tokens)
}

async fn profile(pair: &Pair, tokens: &Value) -> u16 {
    let token = tokens["access_token"].as_str().unwrap();
    let request = pair.site.client().get(pair.site.url("/api/profile"));
    request
        .bearer_auth(token)
        .send()
        .await
        .unwrap()
        .status()
        .as_u16()
}

async fn session(pair: &Pair, cookie: &str) -> u16 {
    let answer = pair.site.get("/api/session", cookie).await;
    answer.status().as_u16()
}

/// Time until `ask` returns this status.
async fn time_until(status: u16, ask: impl AsyncFn() -> u16) -> Duration {
    let begun = Instant::now();
    until("the answer", async || (ask().await == status).then_some(())).await;
    begun.elapsed()
}

#[tokio::test]
async fn token_cache_with_closed_revocation_stream_is_not_used() {
    let (mut pair, tokens) = pair_with_token().await;
    assert_eq!(profile(&pair, &tokens).await, 200);
    pair.auth.signal(rustix::process::Signal::KILL);
    pair.auth.exit().await;
    let took = time_until(503, async || profile(&pair, &tokens).await).await;
    assert!(took < DELIVERED, "{took:?}");
}

#[tokio::test]
async fn token_cache_with_silent_revocation_stream_is_not_used() {
    let (pair, tokens) = pair_with_token().await;
    assert_eq!(profile(&pair, &tokens).await, 200);
    pair.auth.hang(true);
    assert_eq!(
        profile(&pair, &tokens).await,
        200,
        "answered from the cache"
    );
    let took = time_until(503, async || profile(&pair, &tokens).await).await;
    assert!(took < STREAM_STALE, "{took:?}");
    pair.auth.hang(false);
}

#[tokio::test]
async fn sign_out_invalidates_only_entries_of_its_login() {
    let (pair, tokens) = pair_with_token().await;
    pair.add_user("grace", &[]).await;
    let others = pair.site.tokens("grace").await;
    assert_eq!(profile(&pair, &tokens).await, 200);
    assert_eq!(profile(&pair, &others).await, 200);

    let logout = pair.site.client().post(pair.site.url("/api/logout"));
    let logout = logout.bearer_auth(others["access_token"].as_str().unwrap());
    assert_eq!(logout.send().await.unwrap().status(), 204);
    pair.auth.hang(true);

    assert_eq!(
        profile(&pair, &tokens).await,
        200,
        "answered from the cache"
    );
    assert_eq!(
        profile(&pair, &others).await,
        503,
        "not answered from the cache"
    );
    pair.auth.hang(false);
    until("the response of auth-service", async || {
        (profile(&pair, &others).await == 401).then_some(())
    })
    .await;
}

#[tokio::test]
async fn revoked_token_is_rejected_by_same_instance_before_stream_delivers() {
    let (here, between) = (port::free(), port::free());
    let link = Balancer::start(between, vec![([127, 0, 0, 1], here).into()]).await;
    let pair = Pair::start_with(Options {
        auth: vec![("AUTH_LISTEN", format!("127.0.0.1:{here}"))],
        web: vec![("WEB_AUTH_URL", format!("http://127.0.0.1:{between}"))],
    });
    let pair = pair.await;
    pair.add_user("ada", &[]).await;
    let tokens = pair.site.tokens("ada").await;
    assert_eq!(profile(&pair, &tokens).await, 200);

    link.delay(Duration::from_secs(10));
    pair.command(&["user", "disable", "ada"], "").await;
    let lag = time_until(503, async || profile(&pair, &tokens).await).await;
    assert!(lag < STREAM_STALE, "{lag:?}");

    link.delay(Duration::ZERO);
    link.cut();
    until("the response of auth-service", async || {
        let status = profile(&pair, &tokens).await;
        assert_ne!(status, 200);
        (status == 401).then_some(())
    })
    .await;
}

/// The number of `GET` commands that Redis has processed.
async fn reads(redis: &Redis) -> u64 {
    let stats = redis.cli(&["INFO", "commandstats"]).await;
    let calls = stats
        .lines()
        .find_map(|line| line.strip_prefix("cmdstat_get:calls="));
    let calls = calls.and_then(|line| line.split(',').next());
    calls.map_or(0, |calls| calls.parse().unwrap())
}

async fn pair_with_cookie(redis: &Redis, url: String) -> (Pair, String) {
    let pair = Pair::start_with(Options {
        web: vec![("WEB_SESSION_STORE", url)],
        ..Options::default()
    });
    let pair = pair.await;
    pair.add_user("ada", &[]).await;
    let cookie = pair.site.form_login("ada").await;
    until_tracked(&pair, redis, &cookie).await;
    (pair, cookie)
}

async fn until_tracked(pair: &Pair, redis: &Redis, cookie: &str) {
    until("sessions to be cached", async || {
        let before = reads(redis).await;
        for _ in 0..3 {
            let status = session(pair, cookie).await;
            assert_ne!(status, 401);
            if status != 200 {
                return None;
            }
        }
        (reads(redis).await == before).then_some(())
    })
    .await;
}

#[tokio::test]
async fn flushed_redis_has_no_cached_sessions() {
    let redis = Redis::start().await;
    let (pair, cookie) = pair_with_cookie(&redis, redis.url()).await;
    redis.cli(&["FLUSHALL"]).await;
    let took = time_until(401, async || session(&pair, &cookie).await).await;
    assert!(took < REDIS_SILENT, "{took:?}");
}

async fn delete(redis: &Redis) {
    for key in redis.keys().await {
        redis.cli(&["DEL", &key]).await;
    }
}

#[tokio::test]
async fn session_cache_serves_repeated_reads_and_sees_changes_at_once() {
    let redis = Redis::start().await;
    let (pair, _) = pair_with_cookie(&redis, redis.url()).await;
    for round in 0..rounds(5) {
        let cookie = pair.site.form_login("ada").await;
        until_tracked(&pair, &redis, &cookie).await;
        assert_eq!(session(&pair, &cookie).await, 200);
        delete(&redis).await;
        let took = time_until(401, async || session(&pair, &cookie).await).await;
        assert!(took < DELIVERED, "round {round}: {took:?}");
    }
}

#[tokio::test]
async fn session_cache_is_emptied_when_redis_connection_closes() {
    let redis = Redis::start().await;
    let (pair, _) = pair_with_cookie(&redis, redis.url()).await;
    for round in 0..rounds(5) {
        let cookie = pair.site.form_login("ada").await;
        until_tracked(&pair, &redis, &cookie).await;
        // The change happens while no connection receives notifications.
        redis.cli(&["CLIENT", "KILL", "TYPE", "normal"]).await;
        delete(&redis).await;
        let took = time_until(401, async || session(&pair, &cookie).await).await;
        assert!(took < DELIVERED, "round {round}: {took:?}");
    }
}

#[tokio::test]
async fn session_cache_with_silent_redis_is_not_used() {
    let redis = Redis::start().await;
    let between = port::free();
    let there: u16 = redis.url().rsplit(':').next().unwrap().parse().unwrap();
    let link = Balancer::start(between, vec![([127, 0, 0, 1], there).into()]).await;
    let (pair, cookie) = pair_with_cookie(&redis, format!("redis://127.0.0.1:{between}")).await;

    redis.hang(true);
    let silent = time_until(503, async || session(&pair, &cookie).await).await;
    assert!(silent < REDIS_SILENT, "{silent:?}");
    redis.hang(false);
    until_tracked(&pair, &redis, &cookie).await;

    link.delay(Duration::from_secs(10));
    delete(&redis).await;
    let lag = time_until(503, async || session(&pair, &cookie).await).await;
    assert!(lag < REDIS_SILENT, "{lag:?}");
    link.delay(Duration::ZERO);
    link.cut();
    until("the response of the store", async || {
        let status = session(&pair, &cookie).await;
        assert_ne!(status, 200);
        (status == 401).then_some(())
    })
    .await;
}
