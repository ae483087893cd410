//! `/oauth2/authorize/consent`: the question for consent, and the decision.

use reqwest::Method;

use crate::support::{REDIRECT, Site, field_of, form_token, header, refresh_target, response_of};

/// A site, a session, and the page that asks for consent.
async fn asked(scope: &str) -> (Site, String, String) {
    let site = Site::with_shop("ada").await;
    let cookie = site.sign_in("ada").await;
    let asked = site.authorize(&cookie, &[("scope", scope)]).await;
    assert_eq!(asked.status(), 200);
    let page = asked.text().await.unwrap();
    (site, cookie, page)
}

#[tokio::test]
async fn question_shows_who_asks_for_what() {
    let (_, _, page) = asked("openid profile offline_access orders:read").await;
    for text in [
        "The &#60;Shop&#62; asks for access",
        "<strong>ada</strong>",
        "<strong>shop.example</strong>",
        "recognise your account",
        "see your username",
        "stay signed in",
        "<code>orders:read</code>",
        "value=\"allow\"",
        "value=\"deny\"",
        "Use another account",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains("<script"), "it works without scripts");
}

#[tokio::test]
async fn question_cannot_be_framed() {
    let site = Site::with_shop("ada").await;
    let cookie = site.sign_in("ada").await;
    let asked = site.authorize(&cookie, &[]).await;
    assert_eq!(header(&asked, "x-frame-options"), "DENY");
    assert_eq!(header(&asked, "cache-control"), "no-store");
    let policy = header(&asked, "content-security-policy");
    for directive in [
        "default-src 'none'",
        "form-action 'self';",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(directive), "{policy}");
    }
    assert!(!policy.contains("script-src"), "{policy}");
}

#[tokio::test]
async fn decision_is_answered_by_a_page_that_goes_on() {
    let (site, cookie, page) = asked("openid").await;
    for (decision, expected) in [("deny", "error"), ("allow", "code")] {
        let done = site.decide(&cookie, &page, decision).await;
        assert_eq!(
            done.status(),
            200,
            "a redirect would be blocked by form-action"
        );
        assert_eq!(header(&done, "referrer-policy"), "no-referrer");
        assert_eq!(header(&done, "cache-control"), "no-store");
        assert!(header(&done, "content-security-policy").contains("default-src 'none'"));
        let page = done.text().await.unwrap();
        let target = refresh_target(&page);
        assert!(target.starts_with(&format!("{REDIRECT}?")), "{target}");
        assert!(page.contains("Continue to shop.example</a>"), "{page}");
        let response = response_of(&target);
        assert!(response.contains_key(expected), "{response:?}");
        assert_eq!(response["state"], "a state");
        assert_eq!(response["iss"], "https://id.example");
        if decision == "deny" {
            assert_eq!(response["error"], "access_denied");
        }
    }
}

#[tokio::test]
async fn consent_is_asked_once_and_again_for_more() {
    let (site, cookie, page) = asked("openid").await;
    let allowed = site
        .decide(&cookie, &page, "allow")
        .await
        .text()
        .await
        .unwrap();
    let code = response_of(&refresh_target(&allowed))
        .remove("code")
        .unwrap();
    assert_eq!(site.exchange(&code).await.status(), 200);
    let same = site.authorize(&cookie, &[("scope", "openid")]).await;
    assert_eq!(same.status(), 303);
    let more = site
        .authorize(&cookie, &[("scope", "openid orders:read")])
        .await;
    assert_eq!(more.status(), 200);
    let again = [("scope", "openid"), ("prompt", "consent")];
    assert_eq!(site.authorize(&cookie, &again).await.status(), 200);
}

#[tokio::test]
async fn decision_without_csrf_token_of_the_session_is_refused() {
    let (site, cookie, page) = asked("openid").await;
    let flow = field_of(&page, "flow");
    let other = site.sign_in("ada").await;
    let foreign = site.page_token("/dashboard", &other).await;
    for token in ["", "junk", &foreign] {
        let fields = [
            ("csrf_token", token),
            ("flow", &*flow),
            ("decision", "allow"),
        ];
        let refused = site
            .post_form("/oauth2/authorize/consent", &cookie, &fields)
            .await;
        assert_eq!(refused.status(), 403, "{token}");
        let page = refused.text().await.unwrap();
        let link = format!("/oauth2/authorize/continue?flow={flow}");
        assert!(page.contains(&link), "{page}");
    }
    let token = form_token(&page);
    let fields = [
        ("csrf_token", &*token),
        ("flow", &*flow),
        ("decision", "allow"),
    ];
    let request = site.request(Method::POST, "/oauth2/authorize/consent");
    let request = request.header("cookie", &cookie).form(&fields);
    let cross_site = request.header("sec-fetch-site", "cross-site").send().await;
    assert_eq!(cross_site.unwrap().status(), 403);
    let undecided = [("csrf_token", &*token), ("flow", &*flow)];
    let undecided = site
        .post_form("/oauth2/authorize/consent", &cookie, &undecided)
        .await;
    assert_eq!(undecided.status(), 422);
}

#[tokio::test]
async fn decision_after_the_end_of_the_session_does_not_count() {
    let (site, cookie, page) = asked("openid").await;
    let token = site.page_token("/dashboard", &cookie).await;
    site.sign_out(&cookie, &token).await;
    let late = site.decide(&cookie, &page, "allow").await;
    assert_eq!(late.status(), 303);
    let login = header(&late, "location");
    assert!(
        login.starts_with("/login?next=%2Foauth2%2Fauthorize%2Fcontinue"),
        "{login}"
    );
    // A decision of the session of another login does not count either.
    let next = login.split_once("next=").unwrap().1;
    let next = percent_decoded(next);
    let session = site.sign_in("ada").await;
    let asked = site.get(&next, &session).await;
    assert_eq!(asked.status(), 200);
    assert!(asked.text().await.unwrap().contains("asks for access"));
}

fn percent_decoded(text: &str) -> String {
    let mut pairs = url::form_urlencoded::parse(text.as_bytes());
    pairs.next().unwrap().0.into_owned()
}
