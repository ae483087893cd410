//! `/account/logins`: the list of logins, and ending them (ASVS 7.5.2).

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Site, header};

#[tokio::test]
async fn login_is_listed_and_ended() {
    let site = Site::with_user("ada").await;
    let (here, there) = (site.sign_in("ada").await, site.sign_in("ada").await);
    site.tokens("ada").await;

    let logins = site.logins(&here).await;
    assert_eq!(logins.len(), 3);
    let current: Vec<_> = logins.iter().filter(|one| one["current"] == true).collect();
    assert_eq!(current.len(), 1);
    assert_eq!(current[0]["kind"], "browser");
    assert_eq!(current[0]["ip_address"], "127.0.0.1");
    let page = site.get("/account/logins", &here).await;
    let page = page.text().await.unwrap();
    assert_eq!(page.matches("this browser").count(), 1);
    assert_eq!(page.matches(">API<").count(), 1);
    assert_eq!(
        page.matches(">End</button>").count(),
        2,
        "none for the current login"
    );

    let session = site.get("/api/session", &there).await;
    let session: Value = session.json().await.unwrap();
    let action = format!("/account/logins/{}/end", session["sid"].as_str().unwrap());
    let token = site.page_token("/account/logins", &here).await;
    let without = site.post_form(&action, &here, &[]).await;
    assert_eq!(without.status(), 403, "without the CSRF token");
    assert!(site.is_signed_in(&there).await);

    let ended = site
        .post_form(&action, &here, &[("csrf_token", &token)])
        .await;
    assert_eq!(
        (ended.status().as_u16(), header(&ended, "location")),
        (303, "/account/logins")
    );
    assert!(!site.is_signed_in(&there).await && site.is_signed_in(&here).await);
}

#[tokio::test]
async fn ending_own_login_signs_out() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    let sid = site.logins(&cookie).await[0]["sid"]
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
    assert!(!site.is_signed_in(&cookie).await);
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
    assert!(!site.is_signed_in(&there).await && site.is_signed_in(&here).await);

    let there = site.sign_in("ada").await;
    let ended = site
        .same_origin(Method::DELETE, "/api/logins", &here)
        .json(&json!({}))
        .send()
        .await
        .unwrap();
    assert_eq!(ended.status(), 204);
    assert!(!site.is_signed_in(&there).await && site.is_signed_in(&here).await);
}

#[tokio::test]
async fn access_of_application_is_listed_and_ended() {
    let site = Site::with_user("ada").await;
    let here = site.sign_in("ada").await;
    let sid = site.logins(&here).await[0]["sid"].clone();
    let grant = site.add_grant(sid.as_str().unwrap(), "shop").await;
    let listed = async || {
        let page = site.get("/account/logins", &here).await;
        page.text().await.unwrap().contains("shop, since")
    };
    assert!(listed().await);
    let token = site.page_token("/account/logins", &here).await;
    let fields = [("csrf_token", token.as_str())];
    let end = async |id: &str, fields: &[(&str, &str)]| {
        let action = format!("/account/grants/{id}/end");
        site.post_form(&action, &here, fields).await.status()
    };
    assert_eq!(end(&grant, &[]).await, 403, "without the CSRF token");
    assert!(listed().await);
    assert_eq!(end(&grant, &fields).await, 303);
    assert!(!listed().await && site.is_signed_in(&here).await);
    for unknown in [grant.as_str(), "no", "a%20b"] {
        assert_eq!(end(unknown, &fields).await, 404, "{unknown}");
    }
}

#[tokio::test]
async fn end_of_access_requires_recent_authentication() {
    let site = Site::with_user("ada").await;
    let here = site.sign_in("ada").await;
    let sid = site.logins(&here).await[0]["sid"].clone();
    let grant = site.add_grant(sid.as_str().unwrap(), "shop").await;
    let token = site.page_token("/account/logins", &here).await;
    site.clock.advance(std::time::Duration::from_mins(6));
    let action = format!("/account/grants/{grant}/end");
    let asked = site
        .post_form(&action, &here, &[("csrf_token", &token)])
        .await;
    assert_eq!(asked.status(), 403);
    let form = asked.text().await.unwrap();
    assert!(form.contains(&action) && form.contains("confirm_password"));
    let fields = [
        ("csrf_token", token.as_str()),
        ("confirm_password", crate::support::PASSWORD),
    ];
    let ended = site.post_form(&action, &here, &fields).await;
    assert_eq!(ended.status(), 303);
}
