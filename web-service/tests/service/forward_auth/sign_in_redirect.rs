//! Navigations without a session are redirected to the sign-in page and back.

use std::time::Duration;

use reqwest::Method;

use super::{APP, site, verify};
use crate::support::{PASSWORD, cookie_of, header, with_headers};

#[tokio::test]
async fn ended_session_leads_to_sign_in() {
    let site = site().await;
    let cookie = site.sign_in("ada").await;
    site.clock.advance(Duration::from_mins(30));
    assert_eq!(
        verify(&site, "", &[("cookie", &cookie)]).await.status(),
        401
    );
    let navigation = [("cookie", cookie.as_str()), ("accept", "text/html")];
    let sent = verify(&site, "", &navigation).await;
    assert_eq!(sent.status(), 303);
    assert!(header(&sent, "location").contains("/login?next="));
}

/// A form that is sent after the session ended is not passed on: the sign-in page says so, and leads back to the page with the form.
#[tokio::test]
async fn form_after_session_end_reports_no_change() {
    let site = site().await;
    let post = ("x-forwarded-method", "POST");
    let verify_form = async |headers: &[(&str, &str)]| {
        let proxied = [
            post,
            ("x-forwarded-uri", "/orders/7/cancel"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "app.example"),
        ];
        let request = site.request(Method::GET, "/auth/verify");
        let request = with_headers(with_headers(request, &proxied), headers);
        request.send().await.unwrap()
    };
    let form = [
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-mode", "navigate"),
        ("origin", APP),
    ];
    for (referer, back) in [
        (
            "https://app.example/orders/7?a=b",
            "https://app.example/orders/7?a=b",
        ),
        ("https://evil.example/orders/7", "https://app.example/"),
        ("", "https://app.example/"),
    ] {
        let sent = verify_form(&[&form[..], &[("referer", referer)]].concat()).await;
        assert_eq!(sent.status(), 303);
        let location = url::Url::parse(header(&sent, "location")).unwrap();
        let (_, next) = location.query_pairs().next().unwrap();
        let next = site
            .origin
            .parse::<url::Url>()
            .unwrap()
            .join(&next)
            .unwrap();
        let to = next.query_pairs().next().unwrap().1.into_owned();
        assert_eq!(to, back);
        let sign_in = location.as_str().strip_prefix(&site.origin).unwrap();
        let page = site.get(sign_in, "").await.text().await.unwrap();
        assert!(page.contains("so nothing was changed"), "{page}");
    }
    let old_browser = verify_form(&[("accept", "text/html,*/*"), ("origin", APP)]).await;
    assert_eq!(old_browser.status(), 303);
    for program in [
        [("sec-fetch-mode", "cors"), ("accept", "text/html")],
        [("accept", "application/json"), ("origin", APP)],
    ] {
        let denied = verify_form(&program).await;
        assert_eq!(denied.status(), 401);
        assert_eq!(header(&denied, "location"), "");
    }
}

/// HTTP Basic credentials of a staging site do not make a navigation a call of a program.
#[tokio::test]
async fn navigation_with_unknown_scheme_leads_to_sign_in() {
    let site = site().await;
    let navigation = ("sec-fetch-mode", "navigate");
    let basic = ("authorization", "Basic c3RhZ2luZzpzaXRl");
    assert_eq!(verify(&site, "", &[navigation, basic]).await.status(), 303);
    let bearer = ("authorization", "Bearer a.b.c");
    assert_eq!(verify(&site, "", &[navigation, bearer]).await.status(), 401);
}

/// A target of 4 KiB is kept through the sign-in; one that is too long for a request is left out.
#[tokio::test]
async fn long_target_survives_sign_in() {
    let site = site().await;
    let navigate = async |uri: &str| {
        let request = site
            .request(Method::GET, "/auth/verify")
            .header("x-forwarded-method", "GET")
            .header("x-forwarded-uri", uri)
            .header("x-forwarded-proto", "https")
            .header("x-forwarded-host", "app.example")
            .header("sec-fetch-mode", "navigate");
        request.send().await.unwrap()
    };
    let deep = format!("/orders?filter={}", "%C3%A4".repeat(700));
    assert!(deep.len() > 4096);
    let sent = navigate(&deep).await;
    assert_eq!(sent.status(), 303);
    let sign_in = header(&sent, "location")
        .strip_prefix(&site.origin)
        .unwrap();
    let page = site.get(sign_in, "").await;
    let cookie = cookie_of(&page, "__Host-login").unwrap();
    let page = page.text().await.unwrap();
    let (_, next) = page.split_once(r#"name="next" value=""#).unwrap();
    let next = next.split('"').next().unwrap().replace("&#38;", "&");
    let fields = [
        ("csrf_token", crate::support::form_token(&page)),
        ("username", "ada".to_owned()),
        ("password", PASSWORD.to_owned()),
        ("next", next),
    ];
    let fields = fields
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let signed_in = site.post_form(sign_in, &cookie, &fields).await;
    let onward = header(&signed_in, "location");
    assert!(onward.starts_with("/continue?to="), "{onward}");
    let sent = site.post_form(onward, "", &[]).await;
    let wanted = format!("https://app.example{deep}");
    assert_eq!(header(&sent, "location"), wanted);

    let sent = navigate(&format!("/orders?filter={}", "/".repeat(7000))).await;
    assert_eq!(header(&sent, "location"), format!("{}/login", site.origin));
}
