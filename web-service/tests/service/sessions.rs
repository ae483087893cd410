//! Lifetime of a session and of its id (ASVS 7.2.3, 7.2.4, 7.3).

use std::time::Duration;

use crate::support::{PASSWORD, Site, assert_problem, cookie_of, until};

/// A millisecond less than the idle timeout.
const ALMOST: Duration = Duration::from_millis(30 * 60 * 1000 - 1);

async fn status(site: &Site, cookie: &str) -> u16 {
    site.get("/api/session", cookie).await.status().as_u16()
}

/// Asserts that the cookies match no session.
async fn assert_no_session(site: &Site, cookie: &str) {
    let answer = site.get("/api/session", cookie).await;
    assert_problem(answer, 401, "SESSION_MISSING").await;
}

#[tokio::test]
async fn session_ends_after_thirty_idle_minutes() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    site.clock.advance(ALMOST);
    assert_eq!(status(&site, &cookie).await, 200);
    site.clock.advance(ALMOST);
    assert_eq!(
        status(&site, &cookie).await,
        200,
        "each request restarts the idle timeout"
    );
    site.clock.advance(Duration::from_mins(30));
    assert_no_session(&site, &cookie).await;
    assert_eq!(site.get("/dashboard", &cookie).await.status(), 303);
}

#[tokio::test]
async fn session_ends_after_twelve_hours() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    for _visit in 0..35 {
        site.clock.advance(Duration::from_mins(20));
        assert_eq!(status(&site, &cookie).await, 200);
    }
    site.clock.advance(Duration::from_mins(20));
    assert_no_session(&site, &cookie).await;
}

#[tokio::test]
async fn planted_id_is_not_adopted() {
    let site = Site::with_user("ada").await;
    let planted = "__Host-session=AAAAAAAAAAAAAAAAAAAAAA";
    assert_no_session(&site, planted).await;
    let (login_cookie, token) = site.login_form().await;
    let fields = [
        ("username", "ada"),
        ("password", PASSWORD),
        ("csrf_token", token.as_str()),
    ];

    let response = site
        .post_form("/login", &format!("{login_cookie}; {planted}"), &fields)
        .await;

    assert_ne!(
        cookie_of(&response, "__Host-session").as_deref(),
        Some(planted)
    );
    assert_no_session(&site, planted).await;
}

#[tokio::test]
async fn sign_in_gives_new_id_and_ends_old_session() {
    let site = Site::with_user("ada").await;
    let old = site.sign_in("ada").await;
    let (login_cookie, token) = site.login_form().await;
    let fields = [
        ("username", "ada"),
        ("password", PASSWORD),
        ("csrf_token", token.as_str()),
    ];

    let response = site
        .post_form("/login", &format!("{login_cookie}; {old}"), &fields)
        .await;

    let new = cookie_of(&response, "__Host-session").unwrap();
    assert_ne!(new, old);
    assert_no_session(&site, &old).await;
    assert_eq!(status(&site, &new).await, 200);
}

#[tokio::test]
async fn repeated_or_respelled_cookie_is_refused() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    let other = site.sign_in("ada").await;
    for refused in [
        format!("{cookie}; {other}"),
        format!("{cookie}; {cookie}"),
        format!("{cookie}="),
        cookie.replace('=', "=\"") + "\"",
        cookie.replace("__Host-", ""),
        cookie.to_lowercase(),
    ] {
        assert_no_session(&site, &refused).await;
    }
    let id = cookie.split_once('=').unwrap().1;
    let in_url = site
        .get(
            &format!("/api/session?__Host-session={id}&session={id}"),
            "",
        )
        .await;
    assert_problem(in_url, 401, "SESSION_MISSING").await;
    assert_eq!(status(&site, &format!("a=b; {cookie}; c=d")).await, 200);
}

#[tokio::test]
async fn disabled_account_is_signed_out() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    site.disable("ada").await;
    until("the session to end", async || {
        (status(&site, &cookie).await == 401).then_some(())
    })
    .await;
    assert_eq!(site.get("/dashboard", &cookie).await.status(), 303);
}

#[tokio::test]
async fn signed_out_browser_is_offered_sign_in() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    assert!(
        site.get("/", &cookie)
            .await
            .text()
            .await
            .unwrap()
            .contains("signed in as")
    );
    site.disable("ada").await;
    until("the session to end", async || {
        let page = site.get("/", &cookie).await.text().await.unwrap();
        (!page.contains("signed in as")).then_some(())
    })
    .await;
    assert_eq!(site.get("/login?next=/", &cookie).await.status(), 200);
}
