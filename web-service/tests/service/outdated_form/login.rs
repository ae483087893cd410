//! `POST /login` by a form that was loaded before another sign-in, or that is sent twice.

use holdfast_identity::audit::AuditKind;

use super::{Form, assert_signed_out};
use crate::support::{PASSWORD, Site, cookie_of, header, until};

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
    assert_eq!(site.logins(&session).await.len(), 1);
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
    assert!(
        !site.is_signed_in(&session).await,
        "the browser has one session"
    );
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

/// A double click: the browser does not wait for the first response.
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
        assert!(site.is_signed_in(&session).await);
        assert!(!sessions.contains(&session), "each answer has its own id");
        assert_eq!(site.logins(&session).await.len(), 1);
        sessions.push(session);
    }
    assert!(!site.is_signed_in(&old).await);

    // All of them end together, whichever the browser kept.
    let token = site.page_token("/dashboard", &sessions[0]).await;
    assert_signed_out(&site.sign_out(&sessions[0], &token).await);
    for session in &sessions {
        assert!(!site.is_signed_in(session).await);
    }
    let after = form.send(&site, &form.cookie, "ada").await;
    let after = cookie_of(&after, "__Host-session").unwrap();
    assert!(
        site.is_signed_in(&after).await,
        "an ended login is not continued"
    );
    // The audit trail is written in order: the first sign-in, that of the form, and the last one.
    let audited = until("the audit trail", async || {
        let audited = site.audit_count(AuditKind::SignedIn).await;
        (audited >= 3).then_some(audited)
    })
    .await;
    assert_eq!(audited, 3);
}

/// The form is sent again after the browser has received the first response with its cookie.
#[tokio::test]
async fn form_sent_again_with_new_cookie_keeps_login() {
    let site = Site::with_user("ada").await;
    let form = Form::of(site.get("/login", "").await, "").await;
    let first = form.send(&site, &form.cookie, "ada").await;
    let first = cookie_of(&first, "__Host-session").unwrap();
    let cookies = format!("{}; {first}", form.cookie);
    let second = form.send(&site, &cookies, "ada").await;
    let second = cookie_of(&second, "__Host-session").unwrap();
    assert!(site.is_signed_in(&second).await);
    assert_eq!(site.logins(&second).await.len(), 1);
    assert!(!site.is_signed_in(&first).await);
}
