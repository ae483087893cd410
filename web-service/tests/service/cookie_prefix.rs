//! `WEB_COOKIE_PREFIX`: two installations on one host, as browsers do not separate cookies by port (RFC 6265bis §8.5).

use reqwest::Response;
use web_service::request::cookie_names::CookieNames;

use crate::support::{PASSWORD, Site, cookie_of};

async fn staging() -> Site {
    let site = Site::start_with(|config| {
        config.cookie_names = CookieNames::with_prefix("staging").unwrap();
    })
    .await;
    site.add_user("ada").await;
    site
}

/// The names of the cookies that a response sets.
fn set_cookies(response: &Response) -> Vec<String> {
    let cookies = response.headers().get_all("set-cookie").into_iter();
    let name = |cookie: &str| cookie.split('=').next().unwrap().to_owned();
    let mut names: Vec<_> = cookies
        .map(|cookie| name(cookie.to_str().unwrap()))
        .collect();
    names.sort_unstable();
    names
}

/// Signs in with a browser that has the cookies `jar`; returns all cookies that it has afterwards.
async fn sign_in(site: &Site, prefix: &str, jar: &str) -> String {
    let page = site.get("/login", jar).await;
    let form_cookie = cookie_of(&page, &format!("__Host-{prefix}login")).unwrap();
    let token = crate::support::form_token(&page.text().await.unwrap());
    let fields = [
        ("username", "ada"),
        ("password", PASSWORD),
        ("csrf_token", &token),
    ];
    let jar = format!("{jar}; {form_cookie}");
    let signed_in = site.post_form("/login", &jar, &fields).await;
    assert_eq!(signed_in.status(), 303);
    let expected = ["known", "login", "session"].map(|end| format!("__Host-{prefix}{end}"));
    assert_eq!(set_cookies(&signed_in), expected);
    let session = cookie_of(&signed_in, &format!("__Host-{prefix}session")).unwrap();
    let known = cookie_of(&signed_in, &format!("__Host-{prefix}known")).unwrap();
    format!("{jar}; {session}; {known}")
}

#[tokio::test]
async fn two_installations_keep_separate_sessions() {
    let production = Site::with_user("ada").await;
    let staging = staging().await;
    let jar = sign_in(&production, "", "theme=dark").await;
    let jar = sign_in(&staging, "staging-", &jar).await;
    for site in [&production, &staging] {
        assert_eq!(site.get("/dashboard", &jar).await.status(), 200);
    }

    let token = staging.page_token("/dashboard", &jar).await;
    let out = staging
        .post_form("/logout", &jar, &[("csrf_token", &token)])
        .await;
    assert_eq!(out.status(), 303);
    let removed = ["session", "session-proof"].map(|end| format!("__Host-staging-{end}"));
    assert_eq!(set_cookies(&out), removed);
    assert_eq!(staging.get("/dashboard", &jar).await.status(), 303);
    assert_eq!(production.get("/dashboard", &jar).await.status(), 200);
}

#[tokio::test]
async fn openapi_names_prefixed_cookie() {
    let staging = staging().await;
    let contract = staging.get("/api/openapi.json", "").await;
    let contract: serde_json::Value = contract.json().await.unwrap();
    let cookie = &contract["components"]["securitySchemes"]["cookie"]["name"];
    assert_eq!(cookie, "__Host-staging-session");
}
