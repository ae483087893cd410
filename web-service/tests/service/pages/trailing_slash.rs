//! Pages with a slash behind their path redirect to the page.

use reqwest::Method;

use crate::support::{Site, header};

#[tokio::test]
async fn trailing_slash_redirects_to_page() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    for (method, path, target) in [
        (Method::GET, "/login/", "/login"),
        (Method::GET, "/login/?next=%2Fa%2F", "/login?next=%2Fa%2F"),
        (Method::HEAD, "/dashboard/", "/dashboard"),
        (Method::GET, "/account/logins/", "/account/logins"),
        (Method::GET, "/account/totp/", "/account/totp"),
        (Method::GET, "/account/password/", "/account/password"),
        (
            Method::POST,
            "/account/logins/%2F%2Fevil.example/end/",
            "/account/logins/%2F%2Fevil.example/end",
        ),
    ] {
        let request = site.request(method, path).header("cookie", &cookie);
        let answer = request
            .header("sec-fetch-site", "same-origin")
            .send()
            .await
            .unwrap();
        let seen = (answer.status().as_u16(), header(&answer, "location"));
        assert_eq!(seen, (308, target), "{path}");
        let there = site.get(target, &cookie).await;
        assert_ne!(there.status(), 404, "{target}");
    }
    for path in [
        "/nowhere/",
        "//evil.example/",
        "//login/",
        "/login//",
        "/static/style.css/",
        "/api/session/",
    ] {
        assert_eq!(site.get(path, &cookie).await.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn form_sent_to_trailing_slash_keeps_method_and_body() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    let token = site.page_token("/dashboard", &cookie).await;
    let form = [("csrf_token", token.as_str())];
    let moved = site.post_form("/logout/", &cookie, &form).await;
    assert_eq!(moved.status(), 308, "the method and the body are kept");
    assert_eq!(site.get("/dashboard", &cookie).await.status(), 200);
    let target = header(&moved, "location");
    assert_eq!(site.post_form(target, &cookie, &form).await.status(), 303);
    assert_eq!(site.get("/dashboard", &cookie).await.status(), 303);
}
