//! `POST /session/bind`: binding a session to a key, once, right after the sign-in.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Browser, get, site};
use crate::support::{PASSWORD, assert_problem, cookie_of, header, until};

#[tokio::test]
async fn binding_sets_cookie_that_its_answer_describes() {
    let site = site().await;
    let browser = Browser::signed_in(&site).await;
    let answer = browser
        .bind(&browser.registration_proof(&browser.challenge))
        .await;
    assert_eq!(answer.status(), 200);
    let set = header(&answer, "set-cookie").to_owned();
    let instructions: Value = answer.json().await.unwrap();

    assert_eq!(instructions["session_identifier"], browser.sid.as_str());
    assert_eq!(instructions["refresh_url"], "/session/refresh");
    assert_eq!(instructions["scope"]["origin"], site.origin.as_str());
    assert_eq!(instructions["scope"]["include_site"], false);
    let credential = &instructions["credentials"][0];
    assert_eq!(credential["name"], "__Host-session-proof");
    let (value_and_attributes, age) = set.rsplit_once("; ").unwrap();
    let (_, attributes) = value_and_attributes.split_once("; ").unwrap();
    assert_eq!(credential["attributes"], attributes);
    assert_eq!(age, "Max-Age=300");
}

#[tokio::test]
async fn session_is_bound_once_and_right_after_sign_in() {
    let site = site().await;
    let browser = Browser::signed_in(&site).await;
    let other = Browser::signed_in(&site).await;
    let good = browser.registration_proof(&browser.challenge);
    let without_key = browser.refresh_proof(&browser.challenge);
    for wrong in [
        without_key,
        browser.registration_proof(&other.challenge),
        browser.registration_proof("AAAA"),
        good[..good.len() - 4].to_owned(),
    ] {
        let refused = browser.bind(&wrong).await;
        assert_problem(refused, 403, "DEVICE_PROOF_REFUSED").await;
    }
    assert_eq!(browser.bind(&good).await.status(), 200);
    let thief = other.registration_proof(&browser.challenge);
    for repeated in [&thief, &good] {
        let refused = browser.bind(repeated).await;
        assert_problem(refused, 403, "DEVICE_PROOF_REFUSED").await;
    }

    site.clock.advance(Duration::from_secs(45));
    let late = other.registration_proof(&other.challenge);
    assert_problem(other.bind(&late).await, 403, "DEVICE_PROOF_REFUSED").await;
    assert_eq!(other.session().await.status(), 200, "still signed in");
}

#[tokio::test]
async fn unknown_session_can_neither_bind_nor_refresh() {
    let site = site().await;
    let mut browser = Browser::bound(&site).await;
    browser.session = "__Host-session=AAAAAAAAAAAAAAAAAAAAAA".to_owned();
    let refused = browser.refresh_without_proof().await;
    assert_problem(refused, 401, "SESSION_MISSING").await;
    let jwt = browser.registration_proof(&browser.challenge);
    assert_problem(browser.bind(&jwt).await, 401, "SESSION_MISSING").await;
}

#[tokio::test]
async fn login_list_shows_bound_sessions() {
    let site = site().await;
    let browser = Browser::bound(&site).await;
    site.sign_in("ada").await;
    let page = until("the binding in the list", async || {
        let page = get(&site, "/account/logins", &browser.cookies(), &[]).await;
        let page = page.text().await.unwrap();
        page.contains("bound to this device since").then_some(page)
    })
    .await;
    assert!(page.contains("not bound"), "{page}");
    let list = get(&site, "/api/logins", &browser.cookies(), &[]).await;
    let list: Value = list.json().await.unwrap();
    let mut bound: Vec<_> = list["logins"].as_array().unwrap().iter().collect();
    bound.retain(|login| login["bound_at"].is_string());
    assert_eq!(bound.len(), 1, "{list}");
    assert_eq!(bound[0]["sid"], browser.sid.as_str());
}

#[tokio::test]
async fn reauthentication_keeps_binding_and_new_password_offers_it() {
    let site = site().await;
    let browser = Browser::bound(&site).await;
    let answer = site
        .request(Method::POST, "/api/session/reauthenticate")
        .header("cookie", browser.cookies())
        .header("sec-fetch-site", "same-origin")
        .json(&json!({"password": PASSWORD}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 204);
    let renewed = Browser {
        session: cookie_of(&answer, "__Host-session").unwrap(),
        ..browser
    };
    renewed.assert_bound().await;

    let page = get(&site, "/account/password", &renewed.cookies(), &[]).await;
    let page = page.text().await.unwrap();
    let token = page.split("csrf_token\" value=\"").nth(1).unwrap();
    let new = "another horse battery staple";
    let fields = [
        ("csrf_token", token.split('"').next().unwrap()),
        ("current_password", PASSWORD),
        ("new_password", new),
        ("new_password_again", new),
    ];
    let changed = site
        .post_form("/account/password", &renewed.cookies(), &fields)
        .await;
    assert_eq!(changed.status(), 303);
    assert!(!header(&changed, "secure-session-registration").is_empty());
}
