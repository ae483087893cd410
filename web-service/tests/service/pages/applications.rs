//! `/account/applications` and `/api/applications`: what applications may have, and its end.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use crate::support::{PASSWORD, Site, assert_problem, form_token, header};

const PAGE: &str = "/account/applications";

#[tokio::test]
async fn page_lists_applications() {
    let site = Site::with_shop("ada").await;
    let cookie = site.sign_in("ada").await;
    let none = site.get(PAGE, &cookie).await.text().await.unwrap();
    assert!(
        none.contains("You have signed in to no application"),
        "{none}"
    );
    site.shop_tokens(&cookie, "openid orders:read").await;
    let page = site.get(PAGE, &cookie).await.text().await.unwrap();
    for text in [
        "The &#60;Shop&#62;",
        "recognise your account",
        "<code>orders:read</code>",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    for other in ["/account/security", "/account/logins"] {
        let page = site.get(other, &cookie).await.text().await.unwrap();
        assert!(page.contains("href=\"/account/applications\""), "{other}");
    }
}

#[tokio::test]
async fn end_of_an_application_revokes_its_tokens_and_its_consent() {
    let site = Site::with_shop("ada").await;
    let cookie = site.sign_in("ada").await;
    let tokens = site.shop_tokens(&cookie, "openid offline_access").await;
    let token = site.page_token(PAGE, &cookie).await;
    let end = format!("{PAGE}/shop/end");
    let ended = site
        .post_form(&end, &cookie, &[("csrf_token", &token)])
        .await;
    assert_eq!(
        (ended.status().as_u16(), header(&ended, "location")),
        (303, PAGE)
    );
    assert_eq!(site.userinfo(&tokens).await.status(), 401);
    let refreshed: Value = site.refresh_shop(&tokens).await.json().await.unwrap();
    assert_eq!(refreshed["error"], "invalid_grant");
    let asked = site.authorize(&cookie, &[("scope", "openid")]).await;
    assert_eq!(asked.status(), 200, "it has to ask again");
    let again = site
        .post_form(&end, &cookie, &[("csrf_token", &token)])
        .await;
    assert_eq!(again.status(), 404);
    let junk = format!("{PAGE}/a%22b/end");
    let junk = site
        .post_form(&junk, &cookie, &[("csrf_token", &token)])
        .await;
    assert_eq!(junk.status(), 404);
}

#[tokio::test]
async fn end_of_an_application_needs_a_recent_authentication() {
    let site = Site::with_shop("ada").await;
    let cookie = site.sign_in("ada").await;
    site.shop_tokens(&cookie, "openid").await;
    site.clock.advance(Duration::from_mins(6));
    let token = site.page_token(PAGE, &cookie).await;
    let end = format!("{PAGE}/shop/end");
    let asked = site
        .post_form(&end, &cookie, &[("csrf_token", &token)])
        .await;
    assert_eq!(asked.status(), 403);
    let page = asked.text().await.unwrap();
    assert!(page.contains(&format!("action=\"{end}\"")), "{page}");
    let fields = [
        ("csrf_token", &*form_token(&page)),
        ("confirm_password", PASSWORD),
    ];
    let ended = site.post_form(&end, &cookie, &fields).await;
    assert_eq!(header(&ended, "location"), PAGE);
}

#[tokio::test]
async fn api_lists_and_ends_applications() {
    let site = Site::with_shop("ada").await;
    let cookie = site.sign_in("ada").await;
    let tokens = site.shop_tokens(&cookie, "openid profile").await;
    let listed: Value = site
        .get("/api/applications", &cookie)
        .await
        .json()
        .await
        .unwrap();
    let shop = &listed["applications"][0];
    assert_eq!(
        (&shop["client_id"], &shop["name"]),
        (&"shop".into(), &"The <Shop>".into())
    );
    assert_eq!(shop["scope"], "profile openid");
    let end = async |id: &str| {
        let path = format!("/api/applications/{id}");
        let request = site.same_origin(Method::DELETE, &path, &cookie);
        let request = request.header("content-type", "application/json");
        request.send().await.unwrap()
    };
    assert_eq!(end("shop").await.status(), 204);
    assert_eq!(site.userinfo(&tokens).await.status(), 401);
    for id in ["shop", "nobody", "a%20b"] {
        assert_problem(end(id).await, 404, "APPLICATION_NOT_FOUND").await;
    }
}
