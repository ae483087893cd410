//! `GET` and `POST /login`.

use reqwest::Method;

use crate::support::{PASSWORD, Site, cookie_of, header};

#[tokio::test]
async fn right_password_leads_to_dashboard() {
    let site = Site::with_user("ada").await;

    let response = site
        .submit_login(&[("username", "Ada"), ("password", PASSWORD)])
        .await;

    assert_eq!(
        (response.status().as_u16(), header(&response, "location")),
        (303, "/dashboard")
    );
    let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
    let session = cookies[0].to_str().unwrap();
    assert!(session.starts_with("__Host-session="));
    assert!(
        session.ends_with("; HttpOnly; Secure; SameSite=Lax; Path=/"),
        "{session}"
    );
    let known = cookies[1].to_str().unwrap();
    assert!(
        known.starts_with("__Host-known=")
            && known.ends_with("; HttpOnly; Secure; SameSite=Lax; Path=/; Max-Age=2592000"),
        "{known}"
    );
    assert_eq!(
        cookies[2],
        "__Host-login=; HttpOnly; Secure; SameSite=Lax; Path=/; Max-Age=0"
    );
    let cookie = cookie_of(&response, "__Host-session").unwrap();
    let dashboard = site.get("/dashboard", &cookie).await;
    assert_eq!(header(&dashboard, "cache-control"), "no-store");
    assert!(dashboard.text().await.unwrap().contains("Hello, ada"));
}

#[tokio::test]
async fn wrong_password_shows_form_with_username() {
    let site = Site::with_user("ada").await;
    let response = site
        .submit_login(&[("username", "ada"), ("password", "wrong")])
        .await;
    assert_eq!(response.status(), 401);
    assert_eq!(cookie_of(&response, "__Host-session"), None);
    let page = response.text().await.unwrap();
    assert!(page.contains("The username or the password is wrong"));
    assert!(page.contains(r#"name="username" value="ada""#));
    assert!(
        !page.contains("wrong\""),
        "the page does not repeat the password"
    );
}

#[tokio::test]
async fn unknown_wrong_and_disabled_get_one_page() {
    let site = Site::with_user("ada").await;
    site.add_user("bob").await;
    site.disable("bob").await;
    let mut pages = Vec::new();
    for (name, password) in [("ada", "wrong"), ("bob", PASSWORD), ("eve", PASSWORD)] {
        let response = site
            .submit_login(&[("username", name), ("password", password)])
            .await;
        let status = response.status();
        let page = response.text().await.unwrap();
        let token = page
            .split("csrf_token\" value=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        pages.push((
            status,
            page.replace(token, "").replace(&format!("\"{name}\""), ""),
        ));
    }
    assert!(pages.iter().all(|page| *page == pages[0]), "{pages:?}");
}

#[tokio::test]
async fn username_is_escaped() {
    let site = Site::start().await;
    let name = r#""><script>alert(1)</script>"#;
    let response = site
        .submit_login(&[("username", name), ("password", "x")])
        .await;
    let page = response.text().await.unwrap();
    assert!(!page.contains("<script>"), "{page}");
}

#[tokio::test]
async fn sign_in_leads_to_local_target_only() {
    let site = Site::with_user("ada").await;
    let visit = site.get("/account/password?a=b", "").await;
    assert_eq!(visit.status(), 303);
    assert_eq!(
        header(&visit, "location"),
        "/login?next=%2Faccount%2Fpassword%3Fa%3Db"
    );
    let deep = format!("/a?b={}", "%C3%A4".repeat(1200));
    let too_deep = format!("/{}", "a".repeat(8 * 1024));
    for (next, target) in [
        ("/account/password?a=b", "/account/password?a=b"),
        (deep.as_str(), deep.as_str()),
        (too_deep.as_str(), "/dashboard"),
        ("", "/dashboard"),
        ("https://evil.example", "/dashboard"),
        ("//evil.example", "/dashboard"),
        ("/\\evil.example", "/dashboard"),
        ("/\t/evil.example", "/dashboard"),
        ("/a\r\nset-cookie: x=y", "/dashboard"),
    ] {
        let fields = [("username", "ada"), ("password", PASSWORD), ("next", next)];
        let response = site.submit_login(&fields).await;
        assert_eq!(header(&response, "location"), target, "{next:?}");
    }
}

#[tokio::test]
async fn signed_in_browser_is_redirected() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    let response = site.get("/login?next=/account/password", &cookie).await;
    assert_eq!(header(&response, "location"), "/account/password");
}

#[tokio::test]
async fn form_is_valid_in_its_browser_only() {
    let site = Site::with_user("ada").await;
    let (cookie, token) = site.login_form().await;
    let (other_cookie, _) = site.login_form().await;
    let credentials = [("username", "ada"), ("password", PASSWORD)];
    let with = |token: &'static str| [credentials[0], credentials[1], ("csrf_token", token)];
    let own = [
        credentials[0],
        credentials[1],
        ("csrf_token", token.as_str()),
    ];

    let attempts = [
        site.post_form("/login", &cookie, &credentials).await,
        site.post_form("/login", &cookie, &with("")).await,
        site.post_form("/login", &cookie, &with("AAAA")).await,
        site.post_form("/login", &other_cookie, &own).await,
        site.post_form("/login", "", &own).await,
        site.post_form("/login", "__Host-login=AAAA", &own).await,
        site.post_form("/login", &format!("{cookie}; {cookie}"), &own)
            .await,
    ];
    for (index, response) in attempts.into_iter().enumerate() {
        assert_eq!(response.status(), 403, "{index}");
        assert_eq!(cookie_of(&response, "__Host-session"), None);
    }
    assert_eq!(site.post_form("/login", &cookie, &own).await.status(), 303);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn form_of_other_origin_is_refused_despite_token() {
    let site = Site::with_user("ada").await;
    let (cookie, token) = site.login_form().await;
    let form = [
        ("username", "ada"),
        ("password", PASSWORD),
        ("csrf_token", token.as_str()),
    ];
    let send = async |headers: &[(&str, &str)]| {
        let mut request = site
            .request(Method::POST, "/login")
            .header("cookie", &cookie)
            .form(&form);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap().status().as_u16()
    };
    for foreign in [
        &[("sec-fetch-site", "cross-site")][..],
        &[
            ("sec-fetch-site", "same-site"),
            ("origin", site.origin.as_str()),
        ],
        &[("sec-fetch-site", "none")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "https://localhost")],
        // Contradictory and repeated metadata, which no browser sends.
        &[
            ("sec-fetch-site", "same-origin"),
            ("origin", "https://evil.example"),
        ],
        &[
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "cross-site"),
        ],
        &[
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "same-origin"),
        ],
        &[
            ("origin", site.origin.as_str()),
            ("origin", "https://evil.example"),
        ],
        &[
            ("sec-fetch-site", "same-origin"),
            ("origin", site.origin.as_str()),
            ("origin", site.origin.as_str()),
        ],
    ] {
        assert_eq!(send(foreign).await, 403, "{foreign:?}");
    }
    for own in [
        &[("sec-fetch-site", "same-origin")][..],
        &[("origin", site.origin.as_str())],
        &[
            ("sec-fetch-site", "same-origin"),
            ("origin", site.origin.as_str()),
        ],
        // A page with `Referrer-Policy: no-referrer`.
        &[("sec-fetch-site", "same-origin"), ("origin", "null")],
        &[],
    ] {
        assert_eq!(send(own).await, 303, "{own:?}");
    }
}

#[tokio::test]
async fn malformed_form_is_refused() {
    let site = Site::with_user("ada").await;
    let (cookie, _) = site.login_form().await;
    let send = async |kind: &str, body: String| {
        let request = site
            .request(Method::POST, "/login")
            .header("cookie", &cookie);
        let request = request.header("content-type", kind).body(body);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(send("application/json", "{}".into()).await, 415);
    assert_eq!(send("text/plain", "username=ada".into()).await, 415);
    let form = "application/x-www-form-urlencoded";
    assert_eq!(
        send(form, format!("username={}", "a".repeat(70_000))).await,
        413
    );
    assert_eq!(send(form, "username=a&username=b".into()).await, 422);
}
