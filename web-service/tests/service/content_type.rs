//! `Content-Type` of forms and of JSON (RFC 9110 §8.3).

use reqwest::Method;

use crate::support::{PASSWORD, Site, assert_problem};

#[tokio::test]
async fn repeated_content_type_is_refused() {
    let site = Site::with_user("ada").await;
    let login = format!(r#"{{"username":"ada","password":"{PASSWORD}"}}"#);
    for other in ["text/plain", "application/json"] {
        let request = site
            .request(Method::POST, "/api/login")
            .header("content-type", "application/json")
            .header("content-type", other);
        let answer = request.body(login.clone()).send().await.unwrap();
        assert_problem(answer, 415, "INVALID_REQUEST").await;
    }
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
