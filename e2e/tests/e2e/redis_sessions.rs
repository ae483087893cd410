//! Session records in Redis: content, expiry and manipulation.

use std::{collections::HashMap, sync::Arc, time::Duration};

use e2e::{
    pair::{Options, PASSWORD, Pair},
    redis::Redis,
    wait::until,
};
use holdfast_core::clock::{Clock as _, ManualClock, SystemClock};
use holdfast_server_kit::config::RedisUrl;
use redis::AsyncCommands as _;
use serde_json::Value;
use tower_sessions::{
    SessionStore as _,
    session::{Id, Record},
};
use web_service::session::store::encrypted_store::ExpiryClock as _;

/// A pair with sessions in this Redis, an idle timeout and the account `ada`.
pub(crate) async fn pair(redis: &Redis, idle: &str) -> Pair {
    let pair = Pair::start_with(Options {
        web: vec![
            ("WEB_SESSION_STORE", redis.url()),
            ("WEB_IDLE_TIMEOUT", idle.to_owned()),
        ],
        ..Options::default()
    });
    let pair = pair.await;
    pair.add_user("ada", &[]).await;
    pair
}

#[tokio::test]
async fn session_is_one_sealed_record_without_readable_content() {
    let redis = Redis::start().await;
    let pair = pair(&redis, "30m").await;
    for path in ["/", "/login", "/dashboard", "/api/session", "/api/profile"] {
        pair.site
            .get(path, "__Host-session=AAAAAAAAAAAAAAAAAAAAAA")
            .await;
    }
    assert!(redis.keys().await.is_empty(), "visitors write nothing");

    let cookie = pair.site.form_login("ada").await;

    let keys = redis.keys().await;
    assert_eq!(keys.len(), 1);
    let id = cookie.split_once('=').unwrap().1;
    let value = redis.cli(&["--no-raw", "GET", &keys[0]]).await;
    for secret in [id, "ada", "hfr_", "refresh", "127.0.0.1"] {
        assert!(
            !keys[0].contains(secret) && !value.contains(secret),
            "{secret}: {keys:?} {value}"
        );
    }
    let left: u64 = redis.cli(&["TTL", &keys[0]]).await.parse().unwrap();
    assert!((1790..=1801).contains(&left), "{left}");
    let replayed = pair
        .site
        .get("/dashboard", &format!("__Host-session={}", keys[0]))
        .await;
    assert_eq!(replayed.status(), 303, "a key is no cookie");
}

#[tokio::test]
async fn session_survives_restart_of_web_service() {
    let redis = Redis::start().await;
    let mut pair = pair(&redis, "30m").await;
    let cookie = pair.site.form_login("ada").await;
    pair.restart_web().await;
    let page = pair.site.get("/dashboard", &cookie).await;
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("Hello, ada"));
}

#[tokio::test]
async fn expired_session_record_is_removed() {
    let redis = Redis::start().await;
    let pair = pair(&redis, "2s").await;
    let cookie = pair.site.form_login("ada").await;
    assert_eq!(redis.keys().await.len(), 1);

    until("the record to go", async || {
        redis.keys().await.is_empty().then_some(())
    })
    .await;

    assert_eq!(pair.site.get("/dashboard", &cookie).await.status(), 303);
    assert_eq!(pair.site.get("/api/session", &cookie).await.status(), 401);
}

#[tokio::test]
async fn sign_out_removes_session_record() {
    let redis = Redis::start().await;
    let pair = pair(&redis, "30m").await;
    let cookie = pair.site.form_login("ada").await;
    let page = pair
        .site
        .get("/dashboard", &cookie)
        .await
        .text()
        .await
        .unwrap();
    let form = [("csrf_token", e2e::site::form_token(&page))];
    let request = pair
        .site
        .client()
        .post(pair.site.url("/logout"))
        .header("cookie", &cookie)
        .form(&form);
    assert_eq!(request.send().await.unwrap().status(), 303);
    assert!(redis.keys().await.is_empty());
}

#[tokio::test]
async fn modified_session_record_is_rejected_and_removed() {
    let redis = Redis::start().await;
    let pair = pair(&redis, "30m").await;
    let cookie = pair.site.form_login("ada").await;
    let other = pair.site.form_login("ada").await;
    let keys = redis.keys().await;
    for key in &keys {
        redis.cli(&["SETRANGE", key, "60", "XXXX"]).await;
    }
    assert_eq!(pair.site.get("/dashboard", &cookie).await.status(), 303);
    redis
        .cli(&["SET", &redis.keys().await[0], "no record at all"])
        .await;
    assert_eq!(pair.site.get("/dashboard", &other).await.status(), 303);
    assert!(redis.keys().await.is_empty());
}

/// A record with any change, by anyone who can write to Redis, is rejected.
#[tokio::test]
async fn session_record_with_any_flipped_bit_is_rejected() {
    let redis = Redis::start().await;
    let pair = pair(&redis, "30m").await;
    let cookie = pair.site.form_login("ada").await;
    let client = pair.site.client();
    let is_in = async || {
        let request = client.get(pair.site.url("/api/session"));
        let answer = request.header("cookie", &cookie).send().await.unwrap();
        answer.status() == 200
    };
    let key = redis.keys().await.remove(0);
    let store = redis::Client::open(redis.url()).unwrap();
    let mut store = store.get_multiplexed_async_connection().await.unwrap();
    let record: Vec<u8> = store.get(&key).await.unwrap();
    let first = 0..64 * 8;
    let chance = (0..200).map(|turn| (turn * 7919 + 31) % (record.len() * 8));
    for bit in first.chain(chance) {
        let mut changed = record.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let _: () = store.set(&key, changed).await.unwrap();
        assert!(!is_in().await, "bit {bit}");
        assert!(
            !redis.keys().await.contains(&key),
            "bit {bit}: it is removed"
        );
    }
    let _: () = store.set(&key, record).await.unwrap();
    assert!(is_in().await);
}

/// Reauthenticates, and returns the session cookie with the new id.
async fn reauthenticate(pair: &Pair, cookie: &str) -> String {
    let url = pair.site.url("/api/session/reauthenticate");
    let request = pair.site.client().post(url).header("cookie", cookie);
    let request = request.header("sec-fetch-site", "same-origin");
    let body = serde_json::json!({"password": PASSWORD});
    let response = request.json(&body).send().await.unwrap();
    e2e::site::cookie_of(&response, "__Host-session").unwrap()
}

/// The keys and their values, in every form that `redis-cli` shows.
async fn dump(redis: &Redis, keys: &[String]) -> String {
    let mut dump = keys.join("\n");
    for key in keys {
        for command in [
            &["--no-raw", "GET", key][..],
            &["HGETALL", key],
            &["--no-raw", "DUMP", key],
        ] {
            dump += &redis.cli(command).await;
        }
    }
    dump
}

#[tokio::test]
async fn redis_dump_contains_no_secret_and_no_usable_id() {
    let redis = Redis::start().await;
    let pair = Pair::start_with(Options {
        web: vec![("WEB_SESSION_STORE", redis.url())],
        auth: vec![("AUTH_REDIS_URL", redis.url())],
    })
    .await;
    pair.add_user("ada.lovelace", &[]).await;
    let tokens = pair
        .site
        .api_login("ada.lovelace", "a wrong password")
        .await;
    assert_eq!(tokens.status(), 401);
    let old = pair.site.form_login("ada.lovelace").await;
    // The dump contains the successor record of the old id, too.
    let cookie = reauthenticate(&pair, &old).await;
    let tokens = pair.site.tokens("ada.lovelace").await;
    pair.site
        .api_login("ada.lovelace", "a wrong password")
        .await;
    let session: Value = pair
        .site
        .get("/api/session", &cookie)
        .await
        .json()
        .await
        .unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let secrets = [
        cookie.split_once('=').unwrap().1.to_owned(),
        old.split_once('=').unwrap().1.to_owned(),
        "lovelace".to_owned(),
        "127.0.0.1".to_owned(),
        PASSWORD.to_owned(),
        "hfr_".to_owned(),
        text(&tokens["access_token"]),
        text(&session["sid"]),
        text(&session["sub"]),
    ];

    let keys = redis.keys().await;
    assert!(
        keys.iter().any(|key| key.starts_with("throttle:")),
        "{keys:?}"
    );
    let dump = dump(&redis, &keys).await;
    for secret in &secrets {
        assert!(!dump.contains(secret.as_str()), "{secret}: {dump}");
    }
    for key in &keys {
        for value in [key.as_str(), key.trim_start_matches("throttle:")] {
            let replayed = pair
                .site
                .get("/api/session", &format!("__Host-session={value}"))
                .await;
            assert_eq!(replayed.status(), 401, "{value}");
        }
    }
}

#[tokio::test]
async fn foreign_value_under_session_key_is_removed() {
    let redis = Redis::start().await;
    let mut pair = pair(&redis, "30m").await;
    let status = async |pair: &Pair, cookie: &str| {
        let answer = pair.site.get("/api/session", cookie).await;
        answer.status().as_u16()
    };
    for spoil in [
        &["LPUSH", "KEY", "x"][..],
        &["HSET", "KEY", "x", "y"],
        &["SADD", "KEY", "x"],
    ] {
        let cookie = pair.site.form_login("ada").await;
        let key = redis.keys().await.remove(0);
        redis.cli(&["DEL", &key]).await;
        let command: Vec<_> = spoil
            .iter()
            .map(|word| if *word == "KEY" { key.as_str() } else { word })
            .collect();
        redis.cli(&command).await;
        assert_eq!(status(&pair, &cookie).await, 401, "{spoil:?}");
        assert!(redis.keys().await.is_empty(), "{spoil:?}");
    }
    assert_eq!(pair.ready_web().await, 200);
}

#[tokio::test]
async fn session_record_with_appended_byte_is_rejected() {
    let redis = Redis::start().await;
    let pair = pair(&redis, "30m").await;
    for added in ["x", "\u{1}"] {
        let cookie = pair.site.form_login("ada").await;
        let key = redis.keys().await.remove(0);
        redis.cli(&["APPEND", &key, added]).await;
        let answer = pair.site.get("/api/session", &cookie).await;
        assert_eq!(answer.status(), 401);
        assert!(redis.keys().await.is_empty());
    }
}

/// With a clock of the service that is a day ahead of or behind the clock of Redis.
#[tokio::test]
async fn new_session_record_expires_after_idle_timeout_by_clock_of_redis() {
    let redis = Redis::start().await;
    for skew in [
        -time::Duration::DAY,
        -time::Duration::MINUTE,
        time::Duration::DAY,
    ] {
        let clock = ManualClock::default();
        clock.leap(SystemClock.now() - clock.now() + skew);
        let url = RedisUrl::parse("WEB_SESSION_STORE", &redis.url()).unwrap();
        let store = web_service::session::store::redis::connect(&url, 0, Arc::new(clock.clone()));
        let store = store.await.unwrap();
        let idle = Duration::from_mins(30);
        let ahead = until("a connection", async || store.ahead().await.ok()).await;
        let mut record = Record {
            id: Id::default(),
            data: HashMap::new(),
            expiry_date: clock.now() + idle + ahead,
        };
        store.create(&mut record).await.unwrap();
        let left: u64 = redis
            .cli(&["TTL", &record.id.to_string()])
            .await
            .parse()
            .unwrap();
        assert!(left.abs_diff(idle.as_secs()) <= 5, "{skew}: {left}");
        store.save(&record).await.unwrap();
        let left: u64 = redis
            .cli(&["TTL", &record.id.to_string()])
            .await
            .parse()
            .unwrap();
        assert!(left.abs_diff(idle.as_secs()) <= 5, "{skew}: {left}");
    }
}
