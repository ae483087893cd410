//! Sessions and counters in a Redis of several servers: behind Sentinel, and in a Cluster.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use e2e::{
    pair::{Options, Pair},
    redis::Redis,
    redis_group::{Cluster, Sentinels},
    wait::until,
};

/// Limit for a failover, from the failure of the master until sign-ins succeed. The servers count as down after a second.
const FAILOVER: Duration = Duration::from_secs(10);

/// A well-formed session cookie of nobody.
const UNKNOWN: &str = "__Host-session=AAAAAAAAAAAAAAAAAAAAAA";

/// Limit until a change in Redis takes effect, with a margin for a busy machine: without tracking it would be minutes.
const DELIVERED: Duration = Duration::from_secs(6);

pub(crate) async fn pair(sessions: String, counters: String) -> Pair {
    let pair = Pair::start_with(Options {
        web: vec![("WEB_SESSION_STORE", sessions)],
        auth: vec![("AUTH_REDIS_URL", counters)],
    });
    let pair = pair.await;
    pair.add_user("ada", &[]).await;
    pair
}

async fn session(pair: &Pair, cookie: &str) -> u16 {
    let answer = pair.site.get("/api/session", cookie).await;
    answer.status().as_u16()
}

/// Number of `GET` commands that these servers have processed.
async fn reads(servers: &[Redis]) -> u64 {
    let mut reads = 0;
    for server in servers {
        let stats = server.try_cli(&["INFO", "commandstats"]).await;
        let stats = stats.unwrap_or_default();
        let calls = stats
            .lines()
            .find_map(|line| line.strip_prefix("cmdstat_get:calls="));
        let calls = calls.and_then(|line| line.split(',').next());
        reads += calls.map_or(0, |calls| calls.parse::<u64>().unwrap());
    }
    reads
}

/// Waits until the session is read from the cache.
pub(crate) async fn cached(pair: &Pair, servers: &[Redis], cookie: &str) {
    until("the session to be cached", async || {
        let before = reads(servers).await;
        for _ in 0..3 {
            let status = session(pair, cookie).await;
            assert_ne!(status, 401);
            (status == 200).then_some(())?;
        }
        (reads(servers).await == before).then_some(())
    })
    .await;
}

async fn signed_in(pair: &Pair) -> String {
    until("a sign-in", async || {
        let response = pair.site.try_form_login("ada").await;
        let is_available = response.status() != 503;
        is_available.then_some(())?;
        e2e::site::cookie_of(&response, "__Host-session")
    })
    .await
}

/// Deletes the record of a session, and waits until the session has ended.
async fn delete(pair: &Pair, server: &Redis, key: &str, cookie: &str) {
    server.cli(&["DEL", key]).await;
    let begun = Instant::now();
    until("the end of the session", async || {
        (session(pair, cookie).await == 401).then_some(())
    })
    .await;
    assert!(begun.elapsed() < DELIVERED, "{:?}", begun.elapsed());
}

/// The only record that a sign-in created, among keys that were there before.
fn added(before: &[String], after: &[String]) -> String {
    let mut added = after.iter().filter(|key| !before.contains(key));
    added.next().expect("a new key").clone()
}

/// A failed sign-in, which auth-service counts.
pub(crate) async fn wrong_password(pair: &Pair) -> u16 {
    let response = pair.site.api_login("ada", "a wrong password").await;
    response.status().as_u16()
}

/// Whether auth-service counts in this Redis, in database `database`.
pub(crate) async fn counts(server: &Redis, database: &str) -> bool {
    let keys = server.cli(&["-n", database, "KEYS", "*throttle:*"]).await;
    !keys.is_empty()
}

async fn sentinel_failover(fail: impl AsyncFn(&mut Redis)) -> (Sentinels, Pair, Duration) {
    let mut group = Sentinels::start().await;
    let pair = pair(group.url(0), group.url(1)).await;
    let kept = signed_in(&pair).await;
    cached(&pair, &group.servers, &kept).await;
    assert_eq!(wrong_password(&pair).await, 401);
    assert!(counts(&group.servers[0], "1").await);

    fail(&mut group.servers[0]).await;
    let begun = Instant::now();
    let answers = until("a sign-in after the failover", async || {
        assert_ne!(session(&pair, &kept).await, 401, "nobody is signed out");
        let is_signed_in = pair.site.try_form_login("ada").await.status() == 303;
        is_signed_in.then(|| begun.elapsed())
    })
    .await;
    group.failed_over().await;
    assert_eq!(session(&pair, &kept).await, 200);
    (group, pair, answers)
}

/// The new master serves sessions and tracks them, and auth-service counts there.
async fn successor_is_used(group: &Sentinels, pair: &Pair) {
    let successor = &group.servers[1];
    until("the counters", async || {
        assert_eq!(wrong_password(pair).await, 401);
        counts(successor, "1").await.then_some(())
    })
    .await;
    let before = successor.keys().await;
    let cookie = signed_in(pair).await;
    let key = added(&before, &successor.keys().await);
    cached(pair, std::slice::from_ref(successor), &cookie).await;
    delete(pair, successor, &key, &cookie).await;
}

#[tokio::test]
async fn sentinel_failover_of_killed_master_keeps_sessions() {
    let (group, pair, took) = sentinel_failover(async |master| master.kill().await).await;
    assert!(took < FAILOVER, "{took:?}");
    successor_is_used(&group, &pair).await;
}

#[tokio::test]
async fn sentinel_failover_of_paused_master_keeps_sessions_and_ignores_it_later() {
    let (group, pair, took) = sentinel_failover(async |master| master.hang(true)).await;
    assert!(took < FAILOVER, "{took:?}");
    successor_is_used(&group, &pair).await;

    group.servers[0].hang(false);
    until("the former master to be a replica", async || {
        let role = group.servers[0].cli(&["ROLE"]).await;
        role.starts_with("slave").then_some(())
    })
    .await;
    successor_is_used(&group, &pair).await;
}

/// Such a master answers, keeps its connections and serves reads.
#[tokio::test]
async fn sentinel_failover_of_master_with_full_disk_keeps_sessions() {
    let fill = async |master: &mut Redis| master.fill_disk(true).await;
    let (group, pair, took) = sentinel_failover(fill).await;
    assert!(took < FAILOVER, "{took:?}");
    successor_is_used(&group, &pair).await;
}

/// A session that no replica has would be lost with the master: it is refused, and existing ones are not affected.
async fn session_waits_for_its_replica(
    fail: impl AsyncFn(&mut Redis),
    repair: impl AsyncFn(&mut Redis),
) {
    let mut group = Sentinels::start().await;
    let pair = Pair::start_with(Options {
        web: vec![
            ("WEB_SESSION_STORE", group.url(0)),
            ("WEB_SESSION_REPLICAS", "1".to_owned()),
        ],
        auth: vec![("AUTH_REDIS_URL", group.url(1))],
    });
    let mut pair = pair.await;
    pair.add_user("ada", &[]).await;
    let kept = signed_in(&pair).await;
    assert_eq!(pair.ready_web().await, 200);
    fail(&mut group.servers[1]).await;
    let attempts = async {
        for _ in 0..3 {
            assert_eq!(pair.site.try_form_login("ada").await.status(), 503);
        }
    };
    // What is there is served meanwhile: other connections do not wait for replicas.
    let others = async {
        for _ in 0..100 {
            assert_eq!(session(&pair, &kept).await, 200);
        }
        assert_eq!(pair.site.get("/api/session", UNKNOWN).await.status(), 401);
    };
    tokio::join!(attempts, others);
    assert_eq!(pair.ready_web().await, 200);
    repair(&mut group.servers[1]).await;
    until("a sign-in", async || {
        let status = pair.site.try_form_login("ada").await.status();
        (status == 303).then_some(())
    })
    .await;
    assert_eq!(session(&pair, &kept).await, 200);
}

#[tokio::test]
async fn session_waits_for_its_killed_replica() {
    let kill = async |replica: &mut Redis| replica.kill().await;
    session_waits_for_its_replica(kill, async |replica| replica.start_again().await).await;
}

#[tokio::test]
async fn session_waits_for_its_paused_replica() {
    let pause = async |replica: &mut Redis| replica.hang(true);
    session_waits_for_its_replica(pause, async |replica| replica.hang(false)).await;
}

#[tokio::test]
async fn sentinel_that_does_not_respond_prevents_no_start() {
    let group = Sentinels::start().await;
    group.hang_first_sentinel(true);
    let pair = pair(group.url(0), group.url(1)).await;
    signed_in(&pair).await;
    until("the counters", async || {
        assert_eq!(wrong_password(&pair).await, 401);
        counts(&group.servers[0], "1").await.then_some(())
    })
    .await;
}

/// Signs in, and returns the key of the record, the index of its master and the cookie.
async fn signed_in_to(cluster: &Cluster, pair: &Pair) -> (usize, String, String) {
    let before = cluster.keys().await;
    let cookie = signed_in(pair).await;
    let after = cluster.keys().await;
    let mut added = after.into_iter().filter(|entry| !before.contains(entry));
    let (index, key) = added
        .find(|(_, key)| !key.starts_with("{holdfast}"))
        .expect("a record");
    (index, key, cookie)
}

#[tokio::test]
async fn cluster_tracks_sessions_of_each_node_and_slots_that_move() {
    let cluster = Cluster::start().await;
    let pair = pair(cluster.url(), cluster.url()).await;

    let mut masters = BTreeSet::new();
    while masters.len() < 3 {
        let (index, key, cookie) = signed_in_to(&cluster, &pair).await;
        masters.insert(index);
        cached(&pair, &cluster.nodes, &cookie).await;
        delete(&pair, &cluster.nodes[index], &key, &cookie).await;
    }

    let (_, key, cookie) = signed_in_to(&cluster, &pair).await;
    cached(&pair, &cluster.nodes, &cookie).await;
    let target = cluster.move_slot_of(&key).await;
    cached(&pair, &cluster.nodes, &cookie).await;
    delete(&pair, &cluster.nodes[target], &key, &cookie).await;
}

#[tokio::test]
async fn emptied_node_of_cluster_ends_its_sessions_only() {
    let cluster = Cluster::start().await;
    let pair = pair(cluster.url(), cluster.url()).await;
    let (emptied, _, ended) = signed_in_to(&cluster, &pair).await;
    let other = loop {
        let (index, _, cookie) = signed_in_to(&cluster, &pair).await;
        if index != emptied {
            break cookie;
        }
    };
    for cookie in [&ended, &other] {
        cached(&pair, &cluster.nodes, cookie).await;
    }
    cluster.nodes[emptied].cli(&["FLUSHALL"]).await;
    let begun = Instant::now();
    until("the end of the session", async || {
        (session(&pair, &ended).await == 401).then_some(())
    })
    .await;
    assert!(begun.elapsed() < DELIVERED, "{:?}", begun.elapsed());
    assert_eq!(session(&pair, &other).await, 200);
}

#[tokio::test]
async fn cluster_counts_attempts_on_one_node_and_limits_them() {
    let cluster = Cluster::start().await;
    let pair = pair(cluster.url(), cluster.url()).await;
    let status = until("a limit", async || {
        let status = wrong_password(&pair).await;
        (status != 401).then_some(status)
    });
    assert_eq!(status.await, 429);
    let counters = cluster.keys().await;
    let counters = counters.iter().filter(|(_, key)| key.contains("throttle:"));
    let nodes: BTreeSet<_> = counters.map(|(index, _)| index).collect();
    assert_eq!(nodes.len(), 1, "{nodes:?}");
}

#[tokio::test]
async fn evicting_node_of_cluster_is_logged_by_both_services() {
    let cluster = Cluster::start().await;
    let set = ["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"];
    cluster.nodes[0].cli(&set).await;
    let mut pair = pair(cluster.url(), cluster.url()).await;
    pair.auth.printed("Redis evicts counters").await;
    pair.web
        .printed("Redis removes sessions when it is full")
        .await;
}

async fn cluster_failover(fail: impl AsyncFn(&mut Redis)) {
    let mut cluster = Cluster::start().await;
    let pair = pair(cluster.url(), cluster.url()).await;
    let (failed, key, kept) = signed_in_to(&cluster, &pair).await;
    cached(&pair, &cluster.nodes, &kept).await;

    fail(&mut cluster.nodes[failed]).await;
    let begun = Instant::now();
    let successor = until("another master", async || {
        let replica = cluster.replica_in_charge(&key, failed).await;
        assert_ne!(session(&pair, &kept).await, 401, "nobody is signed out");
        replica
    })
    .await;
    until("the session", async || {
        let status = session(&pair, &kept).await;
        assert_ne!(status, 401, "nobody is signed out");
        (status == 200).then_some(())
    })
    .await;
    assert!(begun.elapsed() < FAILOVER, "{:?}", begun.elapsed());
    cached(&pair, &cluster.nodes[successor..=successor], &kept).await;
    delete(&pair, &cluster.nodes[successor], &key, &kept).await;
}

#[tokio::test]
async fn cluster_failover_of_killed_master_keeps_sessions() {
    cluster_failover(async |master| master.kill().await).await;
}

#[tokio::test]
async fn cluster_failover_of_paused_master_keeps_sessions() {
    cluster_failover(async |master| master.hang(true)).await;
}
