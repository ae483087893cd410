//! What may be written in more than one way.

use reqwest::Method;

use crate::support::{PASSWORD, Site, header};

#[tokio::test]
async fn trailing_slash_redirects_to_page() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    for (method, path, target) in [
        (Method::GET, "/login/", "/login"),
        (Method::GET, "/login/?next=%2Fa%2F", "/login?next=%2Fa%2F"),
        (Method::HEAD, "/dashboard/", "/dashboard"),
        (Method::GET, "/account/logins/", "/account/logins"),
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

#[tokio::test]
async fn content_type_is_case_insensitive() {
    let site = Site::with_user("ada").await;
    let (cookie, token) = site.login_form().await;
    let send = async |path: &str, content_type: &str, body: String| {
        let request = site.request(Method::POST, path).header("cookie", &cookie);
        request
            .header("sec-fetch-site", "same-origin")
            .header("content-type", content_type)
            .body(body)
            .send()
            .await
            .unwrap()
    };
    let form: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("username", "ada")
        .append_pair("password", PASSWORD)
        .append_pair("csrf_token", &token)
        .finish();
    for form_type in [
        "Application/X-WWW-Form-Urlencoded",
        "APPLICATION/X-WWW-FORM-URLENCODED; Charset=UTF-8",
        "application/x-www-form-urlencoded ; charset=utf-8",
    ] {
        let signed_in = send("/login", form_type, form.clone()).await;
        assert_eq!(signed_in.status(), 303, "{form_type}");
        let client = "token=abc&client_id=nobody&client_secret=x".to_owned();
        let revoked = send("/oauth2/revoke", form_type, client).await;
        assert_eq!(revoked.status(), 401, "{form_type}: the form was read");
    }
    let json = format!(r#"{{"username":"ada","password":"{PASSWORD}"}}"#);
    for json_type in ["Application/JSON", "APPLICATION/json;Charset=utf-8"] {
        let signed_in = send("/api/login", json_type, json.clone()).await;
        assert_eq!(signed_in.status(), 200, "{json_type}");
    }
    for other in ["text/plain", "multipart/form-data; boundary=x"] {
        assert_eq!(send("/login", other, form.clone()).await.status(), 415);
        assert_eq!(send("/api/login", other, json.clone()).await.status(), 415);
    }
}
