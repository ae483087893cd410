//! `/oauth2/logout`: sign-out that a relying party asks for (OpenID Connect RP-Initiated Logout 1.0).

use reqwest::{Method, Response};
use url::form_urlencoded;

use crate::support::{SIGNED_OUT, Site, form_token, header, refresh_target};

fn path(parameters: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    format!("/oauth2/logout?{query}")
}

/// A site, a session, and an ID token of its login.
async fn signed_in() -> (Site, String, String) {
    let site = Site::with_shop("ada").await;
    let cookie = site.sign_in("ada").await;
    let tokens = site.shop_tokens(&cookie, "openid").await;
    let id_token = tokens["id_token"].as_str().unwrap().to_owned();
    (site, cookie, id_token)
}

fn assert_removes_session(response: &Response) {
    let mut cookies = response.headers().get_all("set-cookie").into_iter();
    let is_removed = cookies.any(|cookie| {
        let cookie = cookie.to_str().unwrap();
        cookie.starts_with("__Host-session=;") && cookie.contains("Max-Age=0")
    });
    assert!(is_removed, "{:?}", response.headers());
    assert!(header(response, "clear-site-data").contains("\"cache\""));
}

#[tokio::test]
async fn id_token_of_the_login_signs_out_at_once() {
    let (site, cookie, id_token) = signed_in().await;
    let back = [
        ("id_token_hint", &*id_token),
        ("post_logout_redirect_uri", SIGNED_OUT),
        ("state", "a&b"),
    ];
    let done = site.get(&path(&back), &cookie).await;
    assert_eq!(done.status(), 303);
    assert_eq!(
        header(&done, "location"),
        format!("{SIGNED_OUT}?state=a%26b")
    );
    assert_eq!(header(&done, "referrer-policy"), "no-referrer");
    assert_removes_session(&done);
    assert!(!site.is_signed_in(&cookie).await);
    // Nobody is signed in: straight back.
    let again = site.get(&path(&back), &cookie).await;
    assert_eq!(
        header(&again, "location"),
        format!("{SIGNED_OUT}?state=a%26b")
    );
    let page = site.get(&path(&[("id_token_hint", &id_token)]), "").await;
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("You are signed out"));
}

#[tokio::test]
async fn person_is_asked_without_an_id_token_of_the_login() {
    let (site, _, id_token) = signed_in().await;
    for hint in ["", "junk", &id_token] {
        let cookie = &site.sign_in("ada").await;
        let parameters = [
            ("id_token_hint", hint),
            ("client_id", "shop"),
            ("post_logout_redirect_uri", SIGNED_OUT),
            ("state", "s"),
        ];
        let asked = site.get(&path(&parameters), cookie).await;
        assert_eq!(asked.status(), 200);
        let page = asked.text().await.unwrap();
        assert!(
            page.contains("<strong>The &#60;Shop&#62;</strong> asks to sign you out"),
            "{page}"
        );
        assert!(site.is_signed_in(cookie).await, "nothing has ended");
        let token = form_token(&page);
        let forged = [&[("csrf_token", "junk")], &parameters[..]].concat();
        let forged = site
            .request(Method::POST, "/oauth2/logout/confirm")
            .form(&forged);
        let forged = forged.header("cookie", cookie).send().await.unwrap();
        assert_eq!(forged.status(), 403);
        assert!(site.is_signed_in(cookie).await);
        let form = [&[("csrf_token", &*token)], &parameters[..]].concat();
        let done = site
            .post_form("/oauth2/logout/confirm", cookie, &form)
            .await;
        assert_eq!(
            done.status(),
            200,
            "a redirect would be blocked by form-action"
        );
        assert_eq!(header(&done, "referrer-policy"), "no-referrer");
        assert_removes_session(&done);
        let target = refresh_target(&done.text().await.unwrap());
        assert_eq!(target, format!("{SIGNED_OUT}?state=s"));
        assert!(!site.is_signed_in(cookie).await);
    }
}

#[tokio::test]
async fn address_to_return_to_has_to_be_registered() {
    let (site, cookie, id_token) = signed_in().await;
    for parameters in [
        &[("post_logout_redirect_uri", SIGNED_OUT)][..],
        &[
            ("client_id", "shop"),
            ("post_logout_redirect_uri", "https://evil.example/"),
        ],
        &[("client_id", "nobody")],
        &[("id_token_hint", &*id_token), ("client_id", "first-party")],
        &[("state", "a"), ("state", "b")],
    ] {
        let refused = site.get(&path(parameters), &cookie).await;
        assert_eq!(refused.status(), 400, "{parameters:?}");
        assert_eq!(header(&refused, "location"), "");
        assert!(site.is_signed_in(&cookie).await);
    }
    let asked = site
        .get("/oauth2/logout", &cookie)
        .await
        .text()
        .await
        .unwrap();
    assert!(
        asked.contains("An application asks to sign you out"),
        "{asked}"
    );
}

#[tokio::test]
async fn form_of_another_site_becomes_the_same_request_by_get() {
    let (site, cookie, id_token) = signed_in().await;
    let form = [("id_token_hint", &*id_token)];
    let request = site.request(Method::POST, "/oauth2/logout");
    let sent = request.header("sec-fetch-site", "cross-site").form(&form);
    let sent = sent.send().await.unwrap();
    assert_eq!(
        (sent.status().as_u16(), header(&sent, "location")),
        (303, &*path(&form))
    );
    let done = site.get(header(&sent, "location"), &cookie).await;
    assert_eq!(done.status(), 200);
    assert_removes_session(&done);
    assert!(!site.is_signed_in(&cookie).await);
}
