use reqwest::{Method, Response};
use serde_json::Value;

use crate::support::{Site, header};

/// A JSON request as a page of this site makes it.
async fn send(site: &Site, method: Method, path: &str, cookie: &str) -> Response {
    let request = site.request(method, path).header("cookie", cookie);
    let request = request.header("sec-fetch-site", "same-origin");
    let request = request.header("content-type", "application/json");
    request.send().await.unwrap()
}

async fn list(site: &Site, cookie: &str) -> Vec<Value> {
    let listed = send(site, Method::GET, "/api/logins", cookie).await;
    assert_eq!(listed.status(), 200);
    let listed: Value = listed.json().await.unwrap();
    listed["logins"].as_array().unwrap().clone()
}

async fn is_in(site: &Site, cookie: &str) -> bool {
    site.get("/api/session", cookie).await.status() == 200
}

#[tokio::test]
async fn login_is_listed_and_ended() {
    let site = Site::with_user("ada").await;
    let (here, there) = (site.sign_in("ada").await, site.sign_in("ada").await);
    site.tokens("ada").await;

    let logins = list(&site, &here).await;
    assert_eq!(logins.len(), 3);
    let current: Vec<_> = logins.iter().filter(|one| one["current"] == true).collect();
    assert_eq!(current.len(), 1);
    assert_eq!(current[0]["kind"], "browser");
    assert_eq!(current[0]["ip_address"], "127.0.0.1");
    let page = site.get("/account/logins", &here).await;
    let page = page.text().await.unwrap();
    assert_eq!(page.matches("this browser").count(), 1);
    assert_eq!(page.matches(">API<").count(), 1);
    assert_eq!(page.matches(">End</button>").count(), 2, "not this one");

    let session = site.get("/api/session", &there).await;
    let session: Value = session.json().await.unwrap();
    let action = format!("/account/logins/{}/end", session["sid"].as_str().unwrap());
    let token = site.page_token("/account/logins", &here).await;
    let without = site.post_form(&action, &here, &[]).await;
    assert_eq!(without.status(), 403, "the form's token is needed");
    assert!(is_in(&site, &there).await);

    let ended = site
        .post_form(&action, &here, &[("csrf_token", &token)])
        .await;
    assert_eq!(
        (ended.status().as_u16(), header(&ended, "location")),
        (303, "/account/logins")
    );
    assert!(!is_in(&site, &there).await && is_in(&site, &here).await);
}

#[tokio::test]
async fn ending_own_login_signs_out() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    let sid = list(&site, &cookie).await[0]["sid"]
        .as_str()
        .unwrap()
        .to_owned();
    let token = site.page_token("/account/logins", &cookie).await;
    let action = format!("/account/logins/{sid}/end");
    let ended = site
        .post_form(&action, &cookie, &[("csrf_token", &token)])
        .await;
    assert_eq!(header(&ended, "location"), "/login?signed_out");
    assert!(header(&ended, "set-cookie").starts_with("__Host-session=;"));
    assert!(!is_in(&site, &cookie).await);
}

#[tokio::test]
async fn other_logins_are_ended_by_page_and_api() {
    let site = Site::with_user("ada").await;
    let here = site.sign_in("ada").await;
    let there = site.sign_in("ada").await;
    let token = site.page_token("/account/logins", &here).await;
    let fields = [("csrf_token", token.as_str())];
    let ended = site
        .post_form("/account/logins/end-others", &here, &fields)
        .await;
    assert_eq!(ended.status(), 303);
    assert!(!is_in(&site, &there).await && is_in(&site, &here).await);

    let there = site.sign_in("ada").await;
    let ended = send(&site, Method::DELETE, "/api/logins", &here).await;
    assert_eq!(ended.status(), 204);
    assert!(!is_in(&site, &there).await && is_in(&site, &here).await);
}

#[tokio::test]
async fn cookie_without_same_origin_changes_nothing() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    let other = site.sign_in("ada").await;
    let json = ("content-type", "application/json");
    let own = ("sec-fetch-site", "same-origin");
    let cases: [(&[(&str, &str)], u16); 6] = [
        (&[], 403),
        (&[json], 403),
        (&[own], 415),
        (&[own, ("content-type", "text/plain")], 415),
        (&[json, ("sec-fetch-site", "same-site")], 403),
        (&[json, ("origin", "https://evil.example")], 403),
    ];
    for (method, path) in [
        (Method::DELETE, "/api/logins"),
        (Method::DELETE, "/api/logins/x"),
        (Method::POST, "/api/session/token"),
    ] {
        for (headers, expected) in cases {
            let mut request = site.request(method.clone(), path).header("cookie", &cookie);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), expected, "{method} {path} {headers:?}");
        }
    }
    assert!(is_in(&site, &other).await, "nothing was ended");
}

#[tokio::test]
async fn bearer_token_requires_scope_account() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    let (token, _) = site.tokens("ada").await;
    for (method, path) in [
        (Method::GET, "/api/logins"),
        (Method::DELETE, "/api/logins"),
        (Method::DELETE, "/api/logins/x"),
    ] {
        let request = site.request(method.clone(), path).bearer_auth(&token);
        // A cookie that comes along changes nothing.
        let response = request.header("cookie", &cookie).send().await.unwrap();
        assert_eq!(response.status(), 403, "{method} {path}");
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["reason"], "INSUFFICIENT_SCOPE");
    }
}

#[tokio::test]
async fn token_of_page_permits_no_account_operation() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    let answer = send(&site, Method::POST, "/api/session/token", &cookie).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, "cache-control"), "no-store");
    let token: Value = answer.json().await.unwrap();
    assert!(token.get("refresh_token").is_none(), "{token}");
    assert_eq!(
        (token["token_type"].as_str(), token["scope"].as_str()),
        (Some("Bearer"), Some("profile"))
    );
    let access_token = token["access_token"].as_str().unwrap();
    assert_eq!(site.profile(access_token).await.status(), 200);
    let account = site
        .request(Method::GET, "/api/logins")
        .bearer_auth(access_token);
    assert_eq!(
        account.send().await.unwrap().status(),
        403,
        "not the account's"
    );
    let request = site.request(Method::POST, "/api/logout");
    let refused = request.bearer_auth(access_token).send().await.unwrap();
    assert_eq!(refused.status(), 403, "nor does it sign anybody out");
    assert!(is_in(&site, &cookie).await);
}

#[tokio::test]
async fn response_has_its_own_request_id() {
    let site = Site::with_user("ada").await;
    let request = site.request(Method::GET, "/api/profile");
    let answer = request.header("x-request-id", "mine").send().await.unwrap();
    let id = header(&answer, "x-request-id").to_owned();
    assert!(id.len() == 16 && id != "mine", "{id}");
}
