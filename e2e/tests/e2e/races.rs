//! Races between requests on sessions, with Redis. A few rounds, 200 with `--long`.

use std::collections::BTreeSet;

use e2e::{
    pair::{Options, PASSWORD, Pair},
    program::Program,
    redis::Redis,
    site::{Site, cookie_of, form_token},
    wait::until,
};
use futures_util::future::join_all;
use reqwest::Client;
use serde_json::json;

pub(crate) fn rounds(short: usize) -> usize {
    if std::env::var_os("HOLDFAST_TEST_LONG").is_some() {
        200
    } else {
        short
    }
}

/// A pair with an idle timeout so short that nearly every request writes the session.
async fn pair(redis: &Redis) -> Pair {
    let pair = Pair::start_with(Options {
        web: vec![
            ("WEB_SESSION_STORE", redis.url()),
            ("WEB_IDLE_TIMEOUT", "3s".to_owned()),
        ],
        ..Options::default()
    });
    let pair = pair.await;
    for name in ["ada", "bob"] {
        pair.add_user(name, &[]).await;
    }
    pair
}

async fn status(client: &Client, pair: &Pair, cookie: &str) -> u16 {
    let request = client.get(pair.site.url("/api/session"));
    let response = request.header("cookie", cookie).send().await.unwrap();
    response.status().as_u16()
}

/// The account that signs in in a round: a new one every 20 rounds, so that no rate limit of an account applies. Its location is known.
async fn account_of(pair: &Pair, round: usize) -> String {
    let name = format!("ada{}", round / 20);
    if round.is_multiple_of(20) {
        pair.add_user(&name, &[]).await;
        pair.site.tokens(&name).await;
    }
    name
}

async fn page_token(pair: &Pair, cookie: &str) -> String {
    pair.site.page_token("/account/password", cookie).await
}

async fn sign_out(pair: &Pair, cookie: &str, token: &str) -> u16 {
    let form = [("csrf_token", token)];
    let answer = pair.site.post_form("/logout", cookie, &form).await;
    answer.status().as_u16()
}

#[tokio::test]
async fn renewal_during_sign_out_does_not_restore_session() {
    let redis = Redis::start().await;
    let pair = pair(&redis).await;
    let client = pair.site.client();
    for round in 0..rounds(10) {
        let cookie = pair.site.form_login("ada").await;
        let token = page_token(&pair, &cookie).await;
        // The session is old enough that the next request writes it.
        tokio::time::sleep(std::time::Duration::from_millis(310)).await;

        let renewals = join_all((0..8).map(|_| status(&client, &pair, &cookie)));
        let out = sign_out(&pair, &cookie, &token);
        let (renewals, out) = tokio::join!(renewals, out);

        assert_eq!(out, 303, "round {round}");
        assert!(renewals.iter().all(|status| [200, 401].contains(status)));
        assert_eq!(status(&client, &pair, &cookie).await, 401, "round {round}");
        assert!(
            redis.keys().await.is_empty(),
            "round {round}: nothing is left"
        );
    }
}

#[tokio::test]
async fn concurrent_rotations_give_distinct_ids_and_remove_the_old_one() {
    let redis = Redis::start().await;
    let pair = pair(&redis).await;
    let client = pair.site.client();
    for round in 0..rounds(5) {
        let name = account_of(&pair, round).await;
        let old = pair.site.form_login(&name).await;
        let page = client
            .get(pair.site.url("/login?next=/"))
            .send()
            .await
            .unwrap();
        let form_cookie = cookie_of(&page, "__Host-login").unwrap();
        let token = form_token(&page.text().await.unwrap());
        let rotate = async || {
            let form = [
                ("username", name.as_str()),
                ("password", PASSWORD),
                ("csrf_token", token.as_str()),
            ];
            let request = client.post(pair.site.url("/login"));
            let request = request.header("cookie", format!("{old}; {form_cookie}"));
            let request = request.header("sec-fetch-site", "same-origin");
            let response = request.form(&form).send().await.unwrap();
            cookie_of(&response, "__Host-session").unwrap()
        };
        let (one, two, three) = tokio::join!(rotate(), rotate(), rotate());
        assert!(one != two && two != three && one != three, "round {round}");
        for new in [&one, &two, &three] {
            assert_ne!(new, &old);
            assert_eq!(status(&client, &pair, new).await, 200, "round {round}");
        }
        assert_eq!(status(&client, &pair, &old).await, 401, "round {round}");
    }
}

/// Reauthenticates, and returns the session cookie with the new id.
async fn reauthenticate(site: &Site, cookie: &str) -> Option<String> {
    let request = site.client().post(site.url("/api/session/reauthenticate"));
    let request = request.header("cookie", cookie);
    let request = request.header("sec-fetch-site", "same-origin");
    let body = json!({"password": PASSWORD});
    let answer = request.json(&body).send().await.unwrap();
    assert!([204, 401].contains(&answer.status().as_u16()));
    cookie_of(&answer, "__Host-session")
}

async fn two_instances(redis: &Redis) -> (Pair, Program, Site) {
    let pair = Pair::start_with(Options {
        web: vec![("WEB_SESSION_STORE", redis.url())],
        ..Options::default()
    });
    let pair = pair.await;
    pair.add_user("ada", &[]).await;
    let (web, other) = pair.another_web().await;
    (pair, web, other)
}

#[tokio::test]
async fn sign_out_during_rotation_on_other_instance_ends_login() {
    let redis = Redis::start().await;
    let (pair, _web, other) = two_instances(&redis).await;
    for round in 0..rounds(10) {
        let old = pair.site.form_login("ada").await;
        let token = page_token(&pair, &old).await;

        let (new, out) = tokio::join!(reauthenticate(&other, &old), sign_out(&pair, &old, &token));

        assert_eq!(out, 303, "round {round}");
        for cookie in new.iter().chain([&old]) {
            for site in [&pair.site, &other] {
                until("the login to end", async || {
                    let answer = site.get("/api/session", cookie).await;
                    (answer.status() == 401).then_some(())
                })
                .await;
            }
        }
    }
}

#[tokio::test]
async fn concurrent_rotations_on_two_instances_leave_one_session() {
    let redis = Redis::start().await;
    let (pair, _web, other) = two_instances(&redis).await;
    for round in 0..rounds(5) {
        let old = pair.site.form_login("ada").await;
        let before = redis.keys().await.len();

        let (one, two, three) = tokio::join!(
            reauthenticate(&pair.site, &old),
            reauthenticate(&other, &old),
            reauthenticate(&other, &old)
        );

        let new: BTreeSet<_> = [one, two, three].into_iter().flatten().collect();
        assert_eq!(new.len(), 1, "round {round}");
        // The session, and the successor record of the old id.
        assert_eq!(redis.keys().await.len(), before + 1, "round {round}");
        let new = new.first().unwrap();
        assert_eq!(other.get("/api/session", new).await.status(), 200);
        assert_eq!(pair.site.get("/api/session", &old).await.status(), 401);
    }
}

#[tokio::test]
async fn tab_of_previous_account_does_not_act_for_current_one() {
    let redis = Redis::start().await;
    let pair = pair(&redis).await;
    let client = pair.site.client();
    for round in 0..rounds(5) {
        let cookie_of_ada = pair.site.form_login("ada").await;
        let form_of_ada = page_token(&pair, &cookie_of_ada).await;
        // The other tab signs in with another account: the browser has one cookie from now on.
        let cookie_of_bob = pair.site.form_login("bob").await;

        assert_eq!(sign_out(&pair, &cookie_of_bob, &form_of_ada).await, 403);
        assert_eq!(
            status(&client, &pair, &cookie_of_bob).await,
            200,
            "round {round}"
        );
    }
}

#[tokio::test]
async fn concurrent_logins_give_distinct_ids() {
    let redis = Redis::start().await;
    let pair = pair(&redis).await;
    let mut ids = BTreeSet::new();
    for round in 0..rounds(5) {
        let name = account_of(&pair, round).await;
        let browsers = join_all((0..4).map(|_| pair.site.form_login(&name)));
        let programs = join_all((0..4).map(|_| pair.site.tokens(&name)));
        let (browsers, programs) = tokio::join!(browsers, programs);
        ids.extend(browsers);
        let tokens = programs
            .iter()
            .map(|tokens| tokens["refresh_token"].to_string());
        ids.extend(tokens);
        assert_eq!(ids.len(), (round + 1) * 8);
    }
}

#[tokio::test]
async fn redis_outage_during_requests_signs_nobody_out() {
    let redis = Redis::start().await;
    let pair = Pair::start_with(Options {
        web: vec![("WEB_SESSION_STORE", redis.url())],
        ..Options::default()
    });
    let pair = pair.await;
    pair.add_user("ada", &[]).await;
    let cookie = pair.site.form_login("ada").await;
    for round in 0..rounds(3) {
        let answers = async |expected| {
            until("the answer", async || {
                let answer = pair.site.get("/api/session", &cookie).await;
                assert!(answer.headers().get("set-cookie").is_none());
                assert_ne!(answer.status(), 401, "round {round}");
                (answer.status() == expected).then_some(())
            })
            .await;
        };
        redis.hang(true);
        answers(503).await;
        redis.hang(false);
        answers(200).await;
    }
}
