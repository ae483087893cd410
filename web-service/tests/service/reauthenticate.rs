//! Reauthentication before sensitive operations, on pages and in the API (ASVS 7.5.1, 7.5.3).

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{PASSWORD, Site, assert_problem, cookie_of, header};

const NEW: &str = "quite another long password";

/// Two sessions of `ada` that started ten minutes ago.
async fn two_old_sessions(site: &Site) -> (String, String) {
    let cookies = (site.sign_in("ada").await, site.sign_in("ada").await);
    site.clock.advance(Duration::from_mins(10));
    cookies
}

async fn session(site: &Site, cookie: &str) -> Option<Value> {
    let answer = site.get("/api/session", cookie).await;
    (answer.status() == 200).then_some(())?;
    answer.json().await.ok()
}

async fn end_others(site: &Site, cookie: &str, password: &str) -> Response {
    let token = site.page_token("/account/logins", cookie).await;
    let fields = [
        ("csrf_token", token.as_str()),
        ("confirm_password", password),
    ];
    let path = "/account/logins/end-others";
    site.post_form(path, cookie, &fields).await
}

#[tokio::test]
async fn page_requires_password_and_renews_session_id() {
    let site = Site::with_user("ada").await;
    let (cookie, other) = two_old_sessions(&site).await;

    let unconfirmed = end_others(&site, &cookie, "").await;
    assert_eq!(unconfirmed.status(), 403);
    assert_eq!(cookie_of(&unconfirmed, "__Host-session"), None);
    let page = unconfirmed.text().await.unwrap();
    assert!(page.contains("Confirm that it is you"), "{page}");
    assert!(
        page.contains(r#"action="/account/logins/end-others""#),
        "{page}"
    );

    let wrong = end_others(&site, &cookie, "a wrong password").await;
    assert_eq!(wrong.status(), 422);
    let page = wrong.text().await.unwrap();
    assert!(page.contains("password is wrong"), "{page}");
    assert!(session(&site, &other).await.is_some(), "nothing has ended");
    let before = session(&site, &cookie).await.unwrap();

    let done = end_others(&site, &cookie, PASSWORD).await;
    assert_eq!(
        (done.status().as_u16(), header(&done, "location")),
        (303, "/account/logins")
    );
    let renewed = cookie_of(&done, "__Host-session").unwrap();
    assert_ne!(renewed, cookie);
    assert!(
        session(&site, &cookie).await.is_none(),
        "the old id matches no session"
    );
    assert!(session(&site, &other).await.is_none());
    let after = session(&site, &renewed).await.unwrap();
    assert_eq!(after["sid"], before["sid"]);
    assert_eq!(
        after["expires_at"], before["expires_at"],
        "the absolute timeout is kept"
    );
    assert_ne!(after["auth_time"], before["auth_time"]);

    let again = end_others(&site, &renewed, "").await;
    assert_eq!(
        again.status(),
        303,
        "the password is not required again within five minutes"
    );
}

#[tokio::test]
async fn ending_other_login_requires_password_and_sign_out_does_not() {
    let site = Site::with_user("ada").await;
    let (cookie, other) = two_old_sessions(&site).await;
    let own = session(&site, &cookie).await.unwrap()["sid"].clone();
    let others = session(&site, &other).await.unwrap()["sid"].clone();
    let token = site.page_token("/account/logins", &cookie).await;
    let end = async |sid: &Value, password: &str| {
        let action = format!("/account/logins/{}/end", sid.as_str().unwrap());
        let fields = [
            ("csrf_token", token.as_str()),
            ("confirm_password", password),
        ];
        site.post_form(&action, &cookie, &fields).await
    };
    assert_eq!(end(&others, "").await.status(), 403);
    assert!(session(&site, &other).await.is_some());
    let signed_out = end(&own, "").await;
    assert_eq!(header(&signed_out, "location"), "/login?signed_out");
    assert!(session(&site, &cookie).await.is_none());
}

#[tokio::test]
async fn password_change_requires_current_password_only() {
    let site = Site::with_user("ada").await;
    let (cookie, _) = two_old_sessions(&site).await;
    let wrong = site.change_password(&cookie, "a wrong password", NEW).await;
    assert_eq!(wrong.status(), 422);
    let page = wrong.text().await.unwrap();
    assert!(page.contains("The current password is wrong"), "{page}");

    let weak = site.change_password(&cookie, PASSWORD, "short").await;
    assert_eq!(weak.status(), 422);
    let renewed = cookie_of(&weak, "__Host-session").unwrap();
    assert!(
        session(&site, &cookie).await.is_none(),
        "the verified password replaces the session id, even when the change is refused"
    );

    let changed = site.change_password(&renewed, PASSWORD, NEW).await;
    assert_eq!(header(&changed, "location"), "/dashboard");
    assert_eq!(site.api_login("ada", NEW).await.status(), 200);
}

#[tokio::test]
async fn api_requires_reauthentication_and_offers_it() {
    let site = Site::with_user("ada").await;
    let (cookie, other) = two_old_sessions(&site).await;
    let send = async |method: Method, path: &str, cookie: &str, body: Value| {
        let request = site.request(method, path).header("cookie", cookie);
        let request = request.header("sec-fetch-site", "same-origin").json(&body);
        request.send().await.unwrap()
    };
    let refused = send(Method::DELETE, "/api/logins", &cookie, json!({})).await;
    let challenge = assert_problem(refused, 401, "STEP_UP_REQUIRED").await;
    assert!(
        challenge.contains("insufficient_user_authentication"),
        "{challenge}"
    );

    let path = "/api/session/reauthenticate";
    let wrong = send(Method::POST, path, &cookie, json!({"password": "wrong"})).await;
    assert_problem(wrong, 401, "INVALID_CREDENTIALS").await;
    let right = json!({"password": PASSWORD});
    let proved = send(Method::POST, path, &cookie, right.clone()).await;
    assert_eq!(proved.status(), 204);
    let renewed = cookie_of(&proved, "__Host-session").unwrap();
    let done = send(Method::DELETE, "/api/logins", &renewed, json!({})).await;
    assert_eq!(done.status(), 204);
    assert!(session(&site, &other).await.is_none());

    let foreign = site.request(Method::POST, path).header("cookie", &renewed);
    let foreign = foreign.header("sec-fetch-site", "same-site").json(&right);
    assert_problem(foreign.send().await.unwrap(), 403, "FOREIGN_ORIGIN").await;
}
