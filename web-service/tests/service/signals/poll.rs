//! `POST /ssf/poll/{stream_id}` (RFC 8936).

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::time::timeout;

use super::{CREDENTIAL_CHANGE, Receiver, SESSION_REVOKED};
use crate::support::{PASSWORD, RECEIVER_SECRET, assert_problem, claims_of, sha256};

/// Less than a poll waits.
const SOON: Duration = Duration::from_secs(8);

#[tokio::test]
async fn end_of_a_login_is_polled_until_it_is_acknowledged() {
    let (receiver, stream) = Receiver::with_stream().await;
    let sids = [receiver.end_a_login().await, receiver.end_a_login().await];
    let first = receiver.poll(&stream, &json!({"maxEvents": 1})).await;
    assert_eq!(first["moreAvailable"], true);
    let sets = first["sets"].as_object().unwrap();
    let (jti, set) = sets.iter().next().unwrap();
    assert_eq!(sets.len(), 1);
    let head = receiver.site.verified_head(set.as_str().unwrap()).await;
    assert_eq!(head["typ"], "secevent+jwt");

    let claims = claims_of(set);
    assert_eq!(claims["iss"], "https://id.example");
    assert_eq!(claims["aud"], "desk");
    assert_eq!(
        claims["sub_id"]["session"],
        json!({"format": "opaque", "id": sids[0]})
    );
    assert_eq!(
        claims["events"][SESSION_REVOKED]["initiating_entity"],
        "user"
    );
    assert!(
        claims.get("sub").is_none() && claims.get("exp").is_none(),
        "{claims}"
    );

    let both = receiver.events(&stream).await;
    assert_eq!(both.len(), 2, "{both:?}");
    assert_eq!(both[0], claims);
    let settled = json!({"ack": [jti, "unknown"], "maxEvents": 0});
    let none = receiver.poll(&stream, &settled).await;
    assert_eq!(none, json!({"sets": {}, "moreAvailable": false}));
    let rest = receiver.events(&stream).await;
    assert_eq!(rest[0]["sub_id"]["session"]["id"], sids[1]);
    let refused = json!({
        "setErrs": {rest[0]["jti"].as_str().unwrap(): {"err": "invalid_key", "description": "no\nkey"}},
        "returnImmediately": true,
    });
    let none = receiver.poll(&stream, &refused).await;
    assert_eq!(none, json!({"sets": {}, "moreAvailable": false}));
}

#[tokio::test]
async fn poll_waits_for_an_event() {
    let (receiver, stream) = Receiver::with_stream().await;
    let request = json!({});
    let polled = receiver.poll(&stream, &request);
    let ended = receiver.end_a_login();
    let (polled, _) = timeout(SOON, async { tokio::join!(polled, ended) })
        .await
        .unwrap();
    assert_eq!(polled["sets"].as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn poll_that_waits_ends_with_its_access_token() {
    let (receiver, stream) = Receiver::with_stream().await;
    let request = json!({});
    let polled = receiver.poll(&stream, &request);
    let form = [
        ("token", &*receiver.token),
        ("client_id", "desk"),
        ("client_secret", RECEIVER_SECRET),
    ];
    let revoked = receiver.site.oauth("/oauth2/revoke", &form);
    let (polled, revoked) = timeout(SOON, async { tokio::join!(polled, revoked) })
        .await
        .unwrap();
    assert_eq!(polled["sets"], json!({}));
    assert_eq!(revoked.status(), 200);
    let refused = receiver.get("/ssf/stream").await;
    assert_problem(refused, 401, "TOKEN_REVOKED").await;
}

#[tokio::test]
async fn change_of_a_password_is_an_event() {
    let (receiver, stream) = Receiver::with_stream().await;
    let site = &receiver.site;
    let cookie = site.sign_in("ada").await;
    let token = site.page_token("/account/password", &cookie).await;
    let new = sha256("a new password");
    let fields = [
        ("csrf_token", token.as_str()),
        ("current_password", PASSWORD),
        ("new_password", &new),
        ("new_password_again", &new),
    ];
    let changed = site.post_form("/account/password", &cookie, &fields).await;
    assert_eq!(changed.status(), 303);
    let events = receiver.events(&stream).await;
    let change = events.iter().find_map(|event| {
        let of = event["events"].get(CREDENTIAL_CHANGE)?;
        Some((of, &event["sub_id"]))
    });
    let (of, subject) = change.unwrap();
    assert_eq!(of["credential_type"], "password");
    assert_eq!(of["change_type"], "update");
    assert_eq!(subject["format"], "iss_sub");
}

#[tokio::test]
async fn seventeenth_poll_of_a_client_is_refused_while_the_others_wait() {
    let (receiver, stream) = Receiver::with_stream().await;
    let path = format!("/ssf/poll/{stream}");
    let immediately = json!({"returnImmediately": true});
    let request = json!({});
    let polls = (0..16).map(|_| receiver.poll(&stream, &request));
    let polls = futures_util::future::join_all(polls);
    let refused = async {
        loop {
            let response = receiver.send(Method::POST, &path, &immediately).await;
            if response.status() != 200 {
                assert!(response.headers().contains_key("retry-after"));
                assert_problem(response, 429, "THROTTLED").await;
                break receiver.end_a_login().await;
            }
        }
    };
    let (polls, _) = timeout(SOON, async { tokio::join!(polls, refused) })
        .await
        .unwrap();
    assert!(
        polls
            .iter()
            .all(|polled| polled["sets"].as_object().unwrap().len() == 1)
    );
}
