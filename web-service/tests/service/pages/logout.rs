//! `POST /logout` (ASVS 7.4.1, 7.4.4).

use reqwest::Method;

use crate::support::{Site, cookie_of, header};

#[tokio::test]
async fn sign_out_ends_session_and_removes_cookie() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    let token = site.page_token("/dashboard", &cookie).await;

    let response = site
        .post_form("/logout", &cookie, &[("csrf_token", &token)])
        .await;

    assert_eq!(
        (response.status().as_u16(), header(&response, "location")),
        (303, "/login?signed_out")
    );
    assert_eq!(
        header(&response, "set-cookie"),
        "__Host-session=; HttpOnly; Secure; SameSite=Lax; Path=/; Max-Age=0"
    );
    assert_eq!(
        header(&response, "clear-site-data"),
        "\"cache\", \"storage\""
    );
    let dashboard = site.get("/dashboard", &cookie).await;
    assert_eq!(dashboard.status(), 303);
    assert_eq!(
        cookie_of(&dashboard, "__Host-session"),
        None,
        "an unknown id gets no removal of the cookie"
    );
}

#[tokio::test]
async fn sign_out_without_own_csrf_token_is_refused() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    site.add_user("bob").await;
    let other = site.sign_in("bob").await;
    let others_token = site.page_token("/dashboard", &other).await;

    assert_eq!(site.get("/logout", &cookie).await.status(), 405);
    assert_eq!(site.post_form("/logout", &cookie, &[]).await.status(), 403);
    let stolen = [("csrf_token", others_token.as_str())];
    assert_eq!(
        site.post_form("/logout", &cookie, &stolen).await.status(),
        403
    );
    let token = site.page_token("/dashboard", &cookie).await;
    let request = site
        .request(Method::POST, "/logout")
        .header("cookie", &cookie);
    let foreign = request
        .header("sec-fetch-site", "cross-site")
        .form(&[("csrf_token", &token)]);
    assert_eq!(foreign.send().await.unwrap().status(), 403);

    assert_eq!(site.get("/dashboard", &cookie).await.status(), 200);
}

#[tokio::test]
async fn sign_out_ends_one_session_only() {
    let site = Site::with_user("ada").await;
    let (one, two) = (site.sign_in("ada").await, site.sign_in("ada").await);
    let token = site.page_token("/dashboard", &one).await;
    site.post_form("/logout", &one, &[("csrf_token", &token)])
        .await;
    assert_eq!(site.get("/dashboard", &two).await.status(), 200);
}

/// ASVS 7.4.4.
#[tokio::test]
async fn every_page_offers_sign_out() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    for path in ["/dashboard", "/account/logins", "/account/password"] {
        let page = site.get(path, &cookie).await.text().await.unwrap();
        assert!(page.contains(r#"action="/logout""#), "{path}");
    }
}
