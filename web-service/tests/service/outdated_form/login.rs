//! Forms of a tab that was there before: the person confirmed their password, signed out, or signed in, in another one.

use std::time::Duration;

use holdfast_identity::audit::AuditKind;
use reqwest::{Method, Response};
use serde_json::Value;

use crate::support::{PASSWORD, Site, cookie_of, form_token, header, until};

const NEW: &str = "quite another long password";

async fn is_in(site: &Site, cookie: &str) -> bool {
    site.get("/api/session", cookie).await.status() == 200
}

async fn confirm(site: &Site, cookie: &str) -> String {
    let token = site.page_token("/account/confirm", cookie).await;
    let fields = [
        ("csrf_token", token.as_str()),
        ("confirm_password", PASSWORD),
    ];
    let answer = site.post_form("/account/confirm", cookie, &fields).await;
    cookie_of(&answer, "__Host-session").unwrap()
}

async fn change_password(site: &Site, cookie: &str) -> String {
    let token = site.page_token("/account/password", cookie).await;
    let fields = [
        ("csrf_token", token.as_str()),
        ("current_password", PASSWORD),
        ("new_password", NEW),
        ("new_password_again", NEW),
    ];
    let answer = site.post_form("/account/password", cookie, &fields).await;
    cookie_of(&answer, "__Host-session").unwrap()
}

async fn sign_out(site: &Site, cookie: &str, token: &str) -> Response {
    site.post_form("/logout", cookie, &[("csrf_token", token)])
        .await
}

#[track_caller]
fn assert_signed_out(answer: &Response) {
    assert_eq!(
        (answer.status().as_u16(), header(answer, "location")),
        (303, "/login?signed_out")
    );
}

#[tokio::test]
async fn outdated_form_ends_current_session() {
    for what in ["confirmed", "new password", "signed out", "idle"] {
        let site = Site::with_user("ada").await;
        let old = site.sign_in("ada").await;
        let token = site.page_token("/dashboard", &old).await;
        let now = match what {
            "confirmed" => confirm(&site, &old).await,
            "new password" => change_password(&site, &old).await,
            "signed out" => {
                assert_signed_out(&sign_out(&site, &old, &token).await);
                site.sign_in("ada").await
            }
            _ => {
                site.clock.advance(Duration::from_mins(30));
                site.sign_in("ada").await
            }
        };
        assert!(is_in(&site, &now).await, "{what}");

        assert_signed_out(&sign_out(&site, &now, &token).await);

        assert!(!is_in(&site, &now).await, "{what}");
    }
}

#[tokio::test]
async fn repeated_sign_out_succeeds() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    let token = site.page_token("/dashboard", &cookie).await;
    for cookie in [&cookie, &cookie, ""] {
        assert_signed_out(&sign_out(&site, cookie, &token).await);
    }
}

/// The token is not the session's: then it has to be the person's, and the browser has to say that a page of ours sent it.
#[tokio::test]
async fn outdated_form_of_other_account_or_origin_is_refused() {
    let site = Site::with_user("ada").await;
    site.add_user("bob").await;
    let token = site
        .page_token("/dashboard", &site.sign_in("ada").await)
        .await;
    let bobs = site.sign_in("bob").await;
    assert_eq!(sign_out(&site, &bobs, &token).await.status(), 403);
    assert!(is_in(&site, &bobs).await);

    let adas = site.sign_in("ada").await;
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("x-nothing", "said"),
    ] {
        let request = site
            .request(Method::POST, "/logout")
            .header("cookie", &adas);
        let request = request.header(name, value);
        let answer = request.form(&[("csrf_token", &token)]).send().await;
        assert_eq!(answer.unwrap().status(), 403, "{name}: {value}");
    }
    assert!(is_in(&site, &adas).await);
}

/// What stands in a page's sign-in form.
struct Form {
    token: String,
    page: String,
    cookie: String,
}

impl Form {
    async fn of(answer: Response, cookie: &str) -> Self {
        let cookie = cookie_of(&answer, "__Host-login").unwrap_or_else(|| cookie.to_owned());
        let page = answer.text().await.unwrap();
        let token = form_token(&page);
        Self {
            token,
            page,
            cookie,
        }
    }

    async fn send(&self, site: &Site, cookie: &str, name: &str) -> Response {
        let fields = [
            ("csrf_token", self.token.as_str()),
            ("username", name),
            ("password", PASSWORD),
            ("next", "/account/password"),
        ];
        site.post_form("/login", cookie, &fields).await
    }
}

#[tokio::test]
async fn second_sign_in_tab_continues_to_its_target() {
    let site = Site::with_user("ada").await;
    let form = Form::of(site.get("/login", "").await, "").await;
    let first = form.send(&site, &form.cookie, "ada").await;
    let session = cookie_of(&first, "__Host-session").unwrap();

    let second = form.send(&site, &session, " Ada ").await;

    assert_eq!(
        (second.status().as_u16(), header(&second, "location")),
        (303, "/account/password")
    );
    assert_eq!(cookie_of(&second, "__Host-session"), None);
    assert_eq!(logins(&site, &session).await, 1);
    let elsewhere = [
        ("csrf_token", form.token.as_str()),
        ("username", "ada"),
        ("next", "https://evil.example"),
    ];
    let second = site.post_form("/login", &session, &elsewhere).await;
    assert_eq!(header(&second, "location"), "/dashboard");
}

#[tokio::test]
async fn second_sign_in_tab_of_other_account_names_signed_in_account() {
    let site = Site::with_user("ada").await;
    site.add_user("bob").await;
    let form = Form::of(site.get("/login", "").await, "").await;
    let session = site.sign_in("ada").await;

    let answer = form.send(&site, &session, "bob").await;

    assert_eq!(answer.status(), 403);
    let again = Form::of(answer, "").await;
    assert!(
        again.page.contains("ada is signed in with this browser"),
        "{}",
        again.page
    );
    let cookies = format!("{session}; {}", again.cookie);
    let answer = again.send(&site, &cookies, "bob").await;
    assert_eq!(answer.status(), 303);
    assert!(!is_in(&site, &session).await, "the browser has one session");
}

#[tokio::test]
async fn form_without_its_cookie_gets_valid_form() {
    let site = Site::with_user("ada").await;
    let form = Form::of(site.get("/login", "").await, "").await;
    let other = Form::of(site.get("/login", "").await, "").await;
    for cookies in ["", "__Host-login=AAAA", &other.cookie] {
        let answer = form.send(&site, cookies, "ada").await;
        assert_eq!(answer.status(), 403);
        assert_eq!(cookie_of(&answer, "__Host-session"), None);
        let again = Form::of(answer, cookies).await;
        for kept in [
            r#"name="username" value="ada""#,
            r#"name="next" value="/account/password""#,
            "This page was out of date",
        ] {
            assert!(again.page.contains(kept), "{kept}: {}", again.page);
        }
        assert!(!again.page.contains(PASSWORD));
        let signed_in = again.send(&site, &again.cookie, "ada").await;
        assert_eq!(
            (signed_in.status().as_u16(), header(&signed_in, "location")),
            (303, "/account/password")
        );
    }
}

async fn logins(site: &Site, cookie: &str) -> usize {
    let answer: Value = site.get("/api/logins", cookie).await.json().await.unwrap();
    answer["logins"].as_array().unwrap().len()
}

/// A double click, whose first answer the browser does not wait for.
#[tokio::test]
async fn form_sent_twice_starts_one_login() {
    let site = Site::with_user("ada").await;
    let old = site.sign_in("ada").await;
    let form = Form::of(site.get("/login", "").await, "").await;
    let cookies = format!("{}; {old}", form.cookie);

    let (one, two) = tokio::join!(
        form.send(&site, &cookies, "ada"),
        form.send(&site, &cookies, "ada")
    );
    let late = form.send(&site, &form.cookie, "ADA").await;

    let mut sessions = Vec::new();
    for answer in [one, two, late] {
        assert_eq!(answer.status(), 303);
        let session = cookie_of(&answer, "__Host-session").unwrap();
        assert!(is_in(&site, &session).await);
        assert!(!sessions.contains(&session), "each answer has its own id");
        assert_eq!(logins(&site, &session).await, 1);
        sessions.push(session);
    }
    assert!(!is_in(&site, &old).await);

    // Both end together, whichever the browser kept.
    let token = site.page_token("/dashboard", &sessions[0]).await;
    assert_signed_out(&sign_out(&site, &sessions[0], &token).await);
    for session in &sessions {
        assert!(!is_in(&site, session).await);
    }
    let after = form.send(&site, &form.cookie, "ada").await;
    let after = cookie_of(&after, "__Host-session").unwrap();
    assert!(is_in(&site, &after).await, "what ended is not gone on with");
    // The trail is written in order: the one before, this one, and the last.
    let audited = until("the trail", async || {
        let audited = site.audited(AuditKind::SignedIn).await;
        (audited >= 3).then_some(audited)
    })
    .await;
    assert_eq!(audited, 3);
}

/// The answer of the first came, and its cookie with it, before the second was sent.
#[tokio::test]
async fn form_sent_again_with_new_cookie_keeps_login() {
    let site = Site::with_user("ada").await;
    let form = Form::of(site.get("/login", "").await, "").await;
    let first = form.send(&site, &form.cookie, "ada").await;
    let first = cookie_of(&first, "__Host-session").unwrap();
    let cookies = format!("{}; {first}", form.cookie);
    let second = form.send(&site, &cookies, "ada").await;
    let second = cookie_of(&second, "__Host-session").unwrap();
    assert!(is_in(&site, &second).await);
    assert_eq!(logins(&site, &second).await, 1);
    assert!(!is_in(&site, &first).await);
}

#[tokio::test]
async fn form_after_session_end_reports_no_change() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    let token = site.page_token("/dashboard", &cookie).await;
    assert_signed_out(&sign_out(&site, &cookie, &token).await);
    let nobodys = "/account/logins/67e55044-10b1-426f-9247-bb680e5fe0c8/end";
    for (form, page) in [
        ("/account/password", "/account/password"),
        (
            "/account/confirm?next=/a?b%3Dc",
            "/account/confirm?next=/a?b%3Dc",
        ),
        ("/account/logins/end-others", "/account/logins"),
        (nobodys, "/account/logins"),
    ] {
        let answer = site
            .post_form(form, &cookie, &[("csrf_token", &token)])
            .await;
        assert_eq!(answer.status(), 303, "{form}");
        let sign_in = header(&answer, "location").to_owned();
        let shown = Form::of(site.get(&sign_in, &cookie).await, "").await;
        let says = "You were signed out before you sent the form, so nothing was changed.";
        assert!(shown.page.contains(says), "{form}: {}", shown.page);
        let next = format!(r#"name="next" value="{page}""#);
        assert!(shown.page.contains(&next), "{form}: {}", shown.page);
    }
    let shown = site.get("/login?next=/", "").await.text().await.unwrap();
    assert!(!shown.contains("nothing was changed"));
}

/// The session goes on under a new id: nothing is done, and the page is a click away.
#[tokio::test]
async fn form_from_before_new_session_id_links_to_its_page() {
    let site = Site::with_user("ada").await;
    let old = site.sign_in("ada").await;
    let token = site.page_token("/account/logins", &old).await;
    let other = site.sign_in("ada").await;
    let now = confirm(&site, &old).await;
    for (form, page) in [
        ("/account/password", "/account/password"),
        ("/account/confirm?next=/a", "/account/confirm?next=/a"),
        ("/account/logins/end-others", "/account/logins"),
    ] {
        let answer = site.post_form(form, &now, &[("csrf_token", &token)]).await;
        assert_eq!(answer.status(), 403, "{form}");
        let shown = answer.text().await.unwrap();
        assert!(shown.contains("Nothing was changed"), "{form}: {shown}");
        let link = format!(r#"href="{page}""#);
        assert!(shown.contains(&link), "{form}: {shown}");
    }
    assert!(is_in(&site, &other).await);
}
