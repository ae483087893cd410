//! Authorization requests that need a sign-in or a reauthentication first: where the browser is sent, and how it comes back.

use std::time::Duration;

use reqwest::Method;

use crate::support::{
    PASSWORD, Site, authorize_path, cookie_of, form_token, header, refresh_target, response_of,
    with_headers,
};

/// A page that asks for something, and the cookie that it is asked with.
async fn page(site: &Site, path: &str, cookie: &str) -> (String, String) {
    let shown = site.get(path, cookie).await;
    assert_eq!(shown.status(), 200, "{path}");
    let new = cookie_of(&shown, "__Host-login");
    (shown.text().await.unwrap(), new.unwrap_or_default())
}

/// Signs in by the page at `path`, as another account than that of `session`; returns the response and the session.
async fn sign_in_at(site: &Site, path: &str, session: &str, name: &str) -> (String, String) {
    let (form, cookie) = page(site, path, session).await;
    let next = form.split_once("name=\"next\" value=\"").unwrap().1;
    let next = next.split('"').next().unwrap().replace("&#38;", "&");
    let fields = [
        ("csrf_token", &*form_token(&form)),
        ("username", name),
        ("password", PASSWORD),
        ("next", &next),
    ];
    let cookies = format!("{session}; {cookie}");
    let done = site.post_form("/login", &cookies, &fields).await;
    assert_eq!(done.status(), 303);
    let session = cookie_of(&done, "__Host-session").unwrap();
    (header(&done, "location").to_owned(), session)
}

#[tokio::test]
async fn browser_signs_in_and_continues() {
    let site = Site::with_shop("ada").await;
    let asked = site.authorize("", &[("login_hint", "ada&\"")]).await;
    assert_eq!(asked.status(), 303);
    let login = header(&asked, "location");
    let start = "/login?next=%2Foauth2%2Fauthorize%2Fcontinue%3Fflow%3Dhfz_";
    assert!(login.starts_with(start), "{login}");
    let (form, _) = page(&site, login, "").await;
    assert!(form.contains("value=\"ada&#38;&#34;\""), "{form}");

    let (next, session) = sign_in_at(&site, login, "", "ada").await;
    assert!(
        next.starts_with("/oauth2/authorize/continue?flow=hfz_"),
        "{next}"
    );
    let (consent, _) = page(&site, &next, &session).await;
    let done = site.decide(&session, &consent, "allow").await;
    let target = refresh_target(&done.text().await.unwrap());
    assert!(response_of(&target).contains_key("code"), "{target}");
    // The flow is not used up: without the question, it is answered by a page, as a form may have led here.
    let again = site.get(&next, &session).await;
    assert_eq!(
        (again.status().as_u16(), header(&again, "referrer-policy")),
        (200, "same-origin")
    );
}

#[tokio::test]
async fn flow_survives_a_second_factor() {
    let (site, app, _) = Site::with_totp("ada").await;
    site.add_shop(|_| ()).await;
    let asked = site.authorize("", &[]).await;
    let login = header(&asked, "location").to_owned();
    let (form, cookie) = page(&site, &login, "").await;
    let next = form.split_once("name=\"next\" value=\"").unwrap().1;
    let next = next.split('"').next().unwrap();
    let fields = [
        ("csrf_token", &*form_token(&form)),
        ("username", "ada"),
        ("password", PASSWORD),
        ("next", next),
    ];
    let asked = site.post_form("/login", &cookie, &fields).await;
    let path = header(&asked, "location").to_owned();
    assert!(path.starts_with("/login/factor?next="), "{path}");
    let cookies = format!("{cookie}; {}", cookie_of(&asked, "__Host-attempt").unwrap());
    let (form, _) = page(&site, &path, &cookies).await;
    let fields = [
        ("csrf_token", &*form_token(&form)),
        ("factor", "totp"),
        ("code", &app.code(&site)),
    ];
    let done = site.post_form(&path, &cookies, &fields).await;
    assert_eq!(header(&done, "location"), next);
    let session = cookie_of(&done, "__Host-session").unwrap();
    assert_eq!(site.get(next, &session).await.status(), 200);
}

#[tokio::test]
async fn another_account_is_asked_for_although_one_is_signed_in() {
    let site = Site::with_shop("ada").await;
    site.add_user("bob").await;
    let ada = site.sign_in("ada").await;
    let id_token = site.shop_tokens(&ada, "openid profile").await["id_token"].clone();
    let hint = [("id_token_hint", id_token.as_str().unwrap())];
    let bob = site.sign_in("bob").await;

    let asked = site.authorize(&bob, &hint).await;
    let login = header(&asked, "location").to_owned();
    assert!(
        login.starts_with("/login?next=") && login.ends_with("&another"),
        "{login}"
    );
    // The wrong account again: it is asked for once more, and the browser is not sent in circles.
    let (next, session) = sign_in_at(&site, &login, &bob, "bob").await;
    let asked = site.get(&next, &session).await;
    assert!(header(&asked, "location").ends_with("&another"));
    let login = header(&asked, "location").to_owned();
    let (next, session) = sign_in_at(&site, &login, &session, "ada").await;
    let (answer, _) = page(&site, &next, &session).await;
    assert!(response_of(&refresh_target(&answer)).contains_key("code"));
}

#[tokio::test]
async fn question_leads_to_another_account() {
    let site = Site::with_shop("ada").await;
    site.add_user("bob").await;
    let ada = site.sign_in("ada").await;
    let asked = site.authorize(&ada, &[("prompt", "select_account")]).await;
    let consent = asked.text().await.unwrap();
    let link = consent.split_once("<a href=\"/login?next=").unwrap().1;
    let link = link.split('"').next().unwrap().replace("&#38;", "&");
    let (next, bob) = sign_in_at(&site, &format!("/login?next={link}"), &ada, "bob").await;
    let (consent, _) = page(&site, &next, &bob).await;
    assert!(consent.contains("<strong>bob</strong>"), "{consent}");
    assert!(
        !site.is_signed_in(&ada).await,
        "the session before has ended"
    );
}

#[tokio::test]
async fn old_authentication_is_repeated() {
    let site = Site::with_shop("ada").await;
    let cookie = site.sign_in("ada").await;
    site.shop_tokens(&cookie, "openid profile").await;
    site.clock.advance(Duration::from_mins(2));
    for changes in [("prompt", "login"), ("max_age", "60")] {
        let asked = site.authorize(&cookie, &[changes]).await;
        let confirm = header(&asked, "location").to_owned();
        let start = "/account/confirm?next=%2Foauth2%2Fauthorize%2Fcontinue%3Fflow%3Dhfz_";
        assert!(confirm.starts_with(start), "{confirm}");
    }
    let asked = site.authorize(&cookie, &[("prompt", "login")]).await;
    let confirm = header(&asked, "location").to_owned();
    let (form, _) = page(&site, &confirm, &cookie).await;
    let fields = [
        ("csrf_token", &*form_token(&form)),
        ("confirm_password", PASSWORD),
    ];
    let done = site.post_form(&confirm, &cookie, &fields).await;
    assert_eq!(done.status(), 303);
    let session = cookie_of(&done, "__Host-session").unwrap();
    let (answer, _) = page(&site, header(&done, "location"), &session).await;
    let target = refresh_target(&answer);
    assert!(response_of(&target).contains_key("code"), "{target}");
}

#[tokio::test]
async fn strength_is_asked_for_by_its_acr() {
    let (site, _, _) = Site::with_totp("ada").await;
    site.add_shop(|_| ()).await;
    site.add_user("bob").await;
    let bob = site.sign_in("bob").await;
    let asked = site.authorize(&bob, &[("acr_values", "phr aal2")]).await;
    let confirm = header(&asked, "location");
    assert!(confirm.ends_with("&acr=aal2"), "{confirm}");
    let page = site.get(confirm, &bob).await;
    assert_eq!(page.status(), 403, "the account has no second factor");
}

#[tokio::test]
async fn request_without_a_session_cookie_is_of_nobody() {
    let site = Site::with_shop("ada").await;
    let cross_site = [
        ("cookie", "__Host-session=AAAAAAAAAAAAAAAAAAAAAA"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    let request = site.request(Method::GET, &authorize_path(&[]));
    let asked = with_headers(request, &cross_site).send().await.unwrap();
    assert!(header(&asked, "location").starts_with("/login?next="));
}
