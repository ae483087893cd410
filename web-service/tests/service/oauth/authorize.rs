//! `/oauth2/authorize`: requests of relying parties, and the responses that browsers bring to them.

use reqwest::Method;

use crate::support::{
    APP_REDIRECT, REDIRECT, Site, authorize_path, field_of, header, request, response_of,
};

/// A site whose account has consented to what the application asks for.
async fn consented(name: &str) -> (Site, String) {
    let site = Site::with_shop(name).await;
    let cookie = site.sign_in(name).await;
    site.shop_tokens(&cookie, "openid profile").await;
    (site, cookie)
}

#[tokio::test]
async fn signed_in_browser_is_redirected_with_code_state_and_issuer() {
    let (site, cookie) = consented("ada").await;
    let done = site.authorize(&cookie, &[]).await;
    assert_eq!(done.status(), 303);
    assert_eq!(header(&done, "referrer-policy"), "no-referrer");
    assert_eq!(header(&done, "cache-control"), "no-store");
    let location = header(&done, "location");
    assert!(location.starts_with(&format!("{REDIRECT}?")), "{location}");
    let mut response = response_of(location);
    assert!(response.remove("code").unwrap().starts_with("hfc_"));
    assert_eq!(response.remove("state").as_deref(), Some("a state"));
    assert_eq!(
        response.remove("iss").as_deref(),
        Some("https://id.example")
    );
    assert!(response.is_empty(), "{response:?}");
}

#[tokio::test]
async fn application_on_the_device_is_redirected_to_after_a_question() {
    let (site, cookie) = consented("ada").await;
    for mode in ["query", "form_post"] {
        let changes = [("redirect_uri", APP_REDIRECT), ("response_mode", mode)];
        let asked = site.authorize(&cookie, &changes).await;
        assert_eq!(asked.status(), 200, "any program could have sent this");
        let question = asked.text().await.unwrap();
        let done = site.decide(&cookie, &question, "allow").await;
        assert_eq!(done.status(), 200);
        let page = done.text().await.unwrap();
        assert!(
            page.contains("com.example.shop:/callback?code=hfc_"),
            "{page}"
        );
    }
    let silent = [("redirect_uri", APP_REDIRECT), ("prompt", "none")];
    let refused = site.authorize(&cookie, &silent).await;
    let location = header(&refused, "location");
    assert!(
        location.starts_with("com.example.shop:/callback?error=consent_required&"),
        "{location}"
    );
}

#[tokio::test]
async fn request_that_cannot_be_answered_is_an_error_page() {
    let (site, cookie) = consented("ada").await;
    for (changes, text) in [
        (
            &[("redirect_uri", "https://evil.example/")][..],
            "not registered the address",
        ),
        (&[("redirect_uri", "")], "not registered the address"),
        (&[("client_id", "nobody")], "The application is unknown."),
        (&[("client_id", "")], "The application is unknown."),
        (
            &[("client_id", "first-party")],
            "The application is unknown.",
        ),
        (
            &[("scope", "openid"), ("scope", "profile")],
            "A parameter is repeated.",
        ),
        (
            &[("redirect_uri", REDIRECT), ("redirect_uri", REDIRECT)],
            "A parameter is repeated.",
        ),
        (
            &[("request_uri", "urn:ietf:params:oauth:request_uri:hfz_AAAA")],
            "has expired",
        ),
    ] {
        for cookie in [cookie.as_str(), ""] {
            let page = site.authorize(cookie, changes).await;
            assert_eq!(page.status(), 400, "{changes:?}");
            assert_eq!(header(&page, "location"), "");
            assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
            let page = page.text().await.unwrap();
            assert!(page.contains(text), "{changes:?}: {page}");
            assert!(!page.contains("evil.example"), "{page}");
        }
    }
    let nothing = site
        .get("/oauth2/authorize/continue?flow=junk", &cookie)
        .await;
    assert_eq!(nothing.status(), 400);
    let nothing = site.get("/oauth2/authorize/continue", &cookie).await;
    assert_eq!(nothing.status(), 400);
}

#[tokio::test]
async fn invalid_parameter_is_an_error_of_the_response() {
    let (site, cookie) = consented("ada").await;
    for (changes, error) in [
        (
            &[("response_type", "token")][..],
            "unsupported_response_type",
        ),
        (&[("code_challenge", "")], "invalid_request"),
        (&[("scope", "admin")], "invalid_scope"),
        (&[("prompt", "none login")], "invalid_request"),
        (&[("request", "eyJ")], "request_not_supported"),
    ] {
        for cookie in [cookie.as_str(), ""] {
            let done = site.authorize(cookie, changes).await;
            assert_eq!(done.status(), 303, "{changes:?}");
            let response = response_of(header(&done, "location"));
            assert_eq!(response["error"], error, "{response:?}");
            assert_eq!(response["state"], "a state");
            assert_eq!(response["iss"], "https://id.example");
        }
    }
}

#[tokio::test]
async fn prompt_none_asks_nothing() {
    let site = Site::with_shop("ada").await;
    let silent = [("prompt", "none")];
    let error = async |cookie: &str, changes: &[(&str, &str)]| {
        let done = site.authorize(cookie, changes).await;
        assert_eq!(done.status(), 303);
        response_of(header(&done, "location")).remove("error")
    };
    assert_eq!(error("", &silent).await.as_deref(), Some("login_required"));
    let cookie = site.sign_in("ada").await;
    let refused = error(&cookie, &silent).await;
    assert_eq!(refused.as_deref(), Some("consent_required"));
    site.shop_tokens(&cookie, "openid profile").await;
    assert_eq!(error(&cookie, &silent).await, None);
    site.clock.advance(std::time::Duration::from_secs(10));
    let stale = [("prompt", "none"), ("max_age", "5")];
    assert_eq!(
        error(&cookie, &stale).await.as_deref(),
        Some("login_required")
    );
}

#[tokio::test]
async fn form_post_response_is_a_form_to_the_redirect_uri_only() {
    let (site, cookie) = consented("ada").await;
    let changes = [("response_mode", "form_post"), ("state", "\"><script>")];
    let done = site.authorize(&cookie, &changes).await;
    assert_eq!(done.status(), 200);
    assert_eq!(
        header(&done, "content-security-policy"),
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; \
         form-action https://shop.example; frame-ancestors 'none'"
    );
    assert_eq!(header(&done, "referrer-policy"), "strict-origin");
    assert_eq!(header(&done, "cache-control"), "no-store");
    let page = done.text().await.unwrap();
    assert!(
        page.contains(&format!("<form method=\"post\" action=\"{REDIRECT}\">")),
        "{page}"
    );
    assert!(page.contains("<button"), "it works without scripts");
    assert!(page.contains(r#"<script src="/static/post.js" defer></script>"#));
    assert!(field_of(&page, "code").starts_with("hfc_"));
    assert_eq!(field_of(&page, "iss"), "https://id.example");
    assert!(!page.contains("\"><script>"), "{page}");
    let script = site.get("/static/post.js", "").await;
    assert!(header(&script, "content-type").starts_with("text/javascript"));
}

#[tokio::test]
async fn form_of_another_site_becomes_the_same_request_by_get() {
    let (site, cookie) = consented("ada").await;
    let send = async |path: &str, form: &[(&str, &str)]| {
        let request = site
            .request(Method::POST, path)
            .header("origin", "https://shop.example")
            .header("sec-fetch-site", "cross-site");
        request.form(form).send().await.unwrap()
    };
    let answer = send("/oauth2/authorize", &request(&[])).await;
    assert_eq!(
        (answer.status().as_u16(), header(&answer, "location")),
        (303, &*authorize_path(&[]))
    );
    let done = site.get(header(&answer, "location"), &cookie).await;
    assert!(header(&done, "location").starts_with(REDIRECT));

    let twice = send("/oauth2/authorize", &[("scope", "a"), ("scope", "b")]).await;
    assert_eq!(
        header(&twice, "location"),
        "/oauth2/authorize?scope=a&scope=b"
    );
    let long = "x".repeat(8 * 1024);
    let long = send("/oauth2/authorize", &request(&[("state", &long)])).await;
    assert_eq!(long.status(), 400);
    let json = site.request(Method::POST, "/oauth2/authorize").body("{}");
    assert_eq!(json.send().await.unwrap().status(), 415);
}
