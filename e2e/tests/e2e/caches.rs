//! What web-service remembers counts only as long as it hears of what ends: whatever becomes of the connection that tells it.

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

// Without what is tested here, what is remembered would be good for minutes; so these leave a busy machine its time.

/// auth-service is to be heard each second, and given up after three.
const STREAM_GIVEN_UP: Duration = Duration::from_secs(8);

/// Redis is asked twice in a second, and given up after a second and a half.
const REDIS_GIVEN_UP: Duration = Duration::from_secs(6);

/// What is told is told at once.
const TOLD: Duration = Duration::from_secs(2);

async fn pair_with_token() -> (Pair, Value) {
    let mut pair = Pair::start().await;
    // Then the ends of logins are heard of, and verdicts remembered.
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

/// How long it took until the answer was this one.
async fn took(status: u16, ask: impl AsyncFn() -> u16) -> Duration {
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
    let took = took(503, async || profile(&pair, &tokens).await).await;
    assert!(took < TOLD, "{took:?}");
}

#[tokio::test]
async fn token_cache_with_silent_revocation_stream_is_not_used() {
    let (pair, tokens) = pair_with_token().await;
    assert_eq!(profile(&pair, &tokens).await, 200);
    pair.auth.hang(true);
    assert_eq!(profile(&pair, &tokens).await, 200, "nobody was asked");
    let took = took(503, async || profile(&pair, &tokens).await).await;
    assert!(took < STREAM_GIVEN_UP, "{took:?}");
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

    assert_eq!(profile(&pair, &tokens).await, 200, "nobody was asked");
    assert_eq!(profile(&pair, &others).await, 503, "auth-service is asked");
    pair.auth.hang(false);
    until("auth-service's own answer", async || {
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
    let lag = took(503, async || profile(&pair, &tokens).await).await;
    assert!(lag < STREAM_GIVEN_UP, "{lag:?}");

    link.delay(Duration::ZERO);
    link.cut();
    until("auth-service's own answer", async || {
        let status = profile(&pair, &tokens).await;
        assert_ne!(status, 200);
        (status == 401).then_some(())
    })
    .await;
}

/// How often Redis was read.
async fn reads(redis: &Redis) -> u64 {
    let said = redis.cli(&["INFO", "commandstats"]).await;
    let calls = said
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
    until("sessions to be remembered", async || {
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
    let took = took(401, async || session(&pair, &cookie).await).await;
    assert!(took < REDIS_GIVEN_UP, "{took:?}");
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
        let took = took(401, async || session(&pair, &cookie).await).await;
        assert!(took < TOLD, "round {round}: {took:?}");
    }
}

#[tokio::test]
async fn session_cache_is_emptied_when_redis_connection_closes() {
    let redis = Redis::start().await;
    let (pair, _) = pair_with_cookie(&redis, redis.url()).await;
    for round in 0..rounds(5) {
        let cookie = pair.site.form_login("ada").await;
        until_tracked(&pair, &redis, &cookie).await;
        // The change comes while nobody is told of it.
        redis.cli(&["CLIENT", "KILL", "TYPE", "normal"]).await;
        delete(&redis).await;
        let took = took(401, async || session(&pair, &cookie).await).await;
        assert!(took < TOLD, "round {round}: {took:?}");
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
    let silent = took(503, async || session(&pair, &cookie).await).await;
    assert!(silent < REDIS_GIVEN_UP, "{silent:?}");
    redis.hang(false);
    until_tracked(&pair, &redis, &cookie).await;

    link.delay(Duration::from_secs(10));
    delete(&redis).await;
    let lag = took(503, async || session(&pair, &cookie).await).await;
    assert!(lag < REDIS_GIVEN_UP, "{lag:?}");
    link.delay(Duration::ZERO);
    link.cut();
    until("the store's own answer", async || {
        let status = session(&pair, &cookie).await;
        assert_ne!(status, 200);
        (status == 401).then_some(())
    })
    .await;
}
