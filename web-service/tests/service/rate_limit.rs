//! Rate limits of sign-in, by page and API (ASVS 6.3.1).

use std::time::Duration;

use reqwest::Response;
use serde_json::json;

use crate::support::{PASSWORD, Site, assert_problem, cookie_of, header};

async fn guess_by_api(site: &Site, address: &str) -> Response {
    let body = json!({"username": "ada", "password": "guessed"});
    let request = site
        .request(reqwest::Method::POST, "/api/login")
        .json(&body);
    request
        .header("x-forwarded-for", address)
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn page_and_api_share_one_counter() {
    let site = Site::with_user("ada").await;
    for _ in 0..3 {
        assert_eq!(site.api_login("ada", "guessed").await.status(), 401);
    }
    for _ in 0..2 {
        let fields = [("username", "ADA"), ("password", "guessed")];
        assert_eq!(site.submit_login(&fields).await.status(), 401);
    }

    let page = site
        .submit_login(&[("username", "ada"), ("password", PASSWORD)])
        .await;
    assert_eq!(
        (page.status().as_u16(), header(&page, "retry-after")),
        (429, "1")
    );
    assert_eq!(cookie_of(&page, "__Host-session"), None);
    let text = page.text().await.unwrap();
    assert!(
        text.contains("the next try is possible in 1 second"),
        "{text}"
    );
    assert!(
        text.contains(r#"value="ada""#),
        "the form keeps the username"
    );
    let rest = site.api_login("ada", PASSWORD).await;
    assert_eq!(header(&rest, "retry-after"), "1");
    assert_problem(rest, 429, "THROTTLED").await;

    site.clock.advance(Duration::from_secs(1));
    assert_eq!(site.api_login("ada", PASSWORD).await.status(), 200);
}

#[tokio::test]
async fn forwarded_address_counts_from_trusted_proxy_only() {
    let direct = Site::with_user("ada").await;
    for host in 0..5 {
        guess_by_api(&direct, &format!("203.0.113.{host}")).await;
    }
    let sixth = guess_by_api(&direct, "203.0.113.9").await;
    assert_problem(sixth, 429, "THROTTLED").await;

    let proxied = Site::start_behind(["127.0.0.0/8"]).await;
    proxied.add_user("ada").await;
    for _ in 0..5 {
        guess_by_api(&proxied, "198.51.100.1, 203.0.113.1").await;
    }
    assert_eq!(guess_by_api(&proxied, "203.0.113.1").await.status(), 429);
    assert_eq!(guess_by_api(&proxied, "203.0.113.2").await.status(), 401);
}

#[tokio::test]
async fn known_browser_is_not_locked_out() {
    let site = Site::start_behind(["127.0.0.0/8"]).await;
    site.add_user("ada").await;
    let signed_in = site
        .submit_login(&[("username", "ada"), ("password", PASSWORD)])
        .await;
    let known = cookie_of(&signed_in, "__Host-known").unwrap();
    for host in 0..110 {
        guess_by_api(&site, &format!("203.0.113.{host}")).await;
    }
    let sign_in = async |cookies: &str| {
        let (form, token) = site.login_form().await;
        let request = site.request(reqwest::Method::POST, "/login");
        let request = request.header("cookie", format!("{form}; {cookies}"));
        let request = request.header("x-forwarded-for", "192.0.2.50");
        let fields = [
            ("username", "ada"),
            ("password", PASSWORD),
            ("csrf_token", &token),
        ];
        request
            .form(&fields)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(sign_in("a=b").await, 429);
    let forged = known.replace("__Host-known=", "__Host-known=A");
    assert_eq!(sign_in(&forged).await, 429);
    assert_eq!(sign_in(&known).await, 303);
}

/// Keyboards of phones add invisible blanks around a name: it stays the same account, and the same counter.
#[tokio::test]
async fn username_with_blanks_is_one_account_on_every_route() {
    let site = Site::with_user("ada").await;
    for around in [" ", "\u{a0}", "\u{200b}", "\u{feff}"] {
        let name = format!("{around}Ada{around}");
        let fields = [("username", name.as_str()), ("password", PASSWORD)];
        let page = site.submit_login(&fields).await;
        assert_eq!(page.status(), 303, "{around:?}");
        assert_eq!(
            site.api_login(&name, PASSWORD).await.status(),
            200,
            "{around:?}"
        );
    }
    site.add_user("bob").await;
    for name in ["bob ", "\u{a0}bob", "bob\u{200b}", "BOB", "bob"].repeat(6) {
        site.api_login(name, "wrong").await;
    }
    let throttled = site.api_login("\u{feff}bob", PASSWORD).await;
    assert_problem(throttled, 429, "THROTTLED").await;
    let password = format!(" {PASSWORD}");
    assert_eq!(
        site.api_login("ada", &password).await.status(),
        401,
        "nothing is removed from a password"
    );
}
