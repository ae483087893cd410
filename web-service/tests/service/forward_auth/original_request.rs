//! The description of the original request: which headers are read, in which forms, and from whom.

use reqwest::Method;

use super::{APP, site, verify, verify_method};
use crate::support::{Site, header, with_headers};

#[tokio::test]
async fn description_by_untrusted_peer_is_ignored() {
    let site = Site::start().await;
    site.add_user("ada").await;
    let cookie = site.sign_in("ada").await;
    let denied = verify(&site, "", &[("cookie", &cookie)]).await;
    assert_eq!(denied.status(), 403, "an unknown method counts as unsafe");
    let sent = verify(&site, "", &[("accept", "text/html")]).await;
    assert_eq!(
        header(&sent, "location"),
        "",
        "an undescribed request is no navigation"
    );

    let site = self::site().await;
    let cookie = site.sign_in("ada").await;
    let both = [("cookie", cookie.as_str()), ("x-original-method", "GET")];
    let denied = verify(&site, "", &both).await;
    assert_eq!(
        denied.status(),
        403,
        "contradictory methods: one of them is the client's"
    );
}

/// Envoy's HTTP authorization service keeps method, host and path of the request; the query is that of the request.
#[tokio::test]
async fn envoy_request_is_checked_as_received() {
    let site = site().await;
    let cookie = site.sign_in("ada").await;
    let verify = async |method: Method, headers: &[(&str, &str)]| {
        let own = [("host", "app.example"), ("x-forwarded-proto", "https")];
        let request = site.request(method, "/auth/verify/orders?page=2&scope=admin");
        let request = with_headers(with_headers(request, &own), headers);
        request.send().await.unwrap()
    };
    let known = ("cookie", cookie.as_str());
    assert_eq!(verify(Method::GET, &[known]).await.status(), 200);
    assert_eq!(verify(Method::POST, &[known]).await.status(), 403);
    let own = ("origin", APP);
    assert_eq!(verify(Method::POST, &[known, own]).await.status(), 200);
    let socket = [
        known,
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-fetch-site", "same-site"),
    ];
    assert_eq!(verify(Method::GET, &socket).await.status(), 403);
    let root = site
        .request(Method::GET, "/auth/verify/")
        .header("cookie", &cookie);
    assert_eq!(root.send().await.unwrap().status(), 200);
    let foreign = ("sec-fetch-site", "cross-site");
    assert_eq!(verify(Method::POST, &[known, foreign]).await.status(), 403);
    let same = ("sec-fetch-site", "same-origin");
    for contradictory in [
        [same, ("origin", "https://evil.example")],
        [same, foreign],
        [same, same],
        [own, ("origin", "https://evil.example")],
        [own, own],
    ] {
        let [one, other] = contradictory;
        let answer = verify(Method::POST, &[known, one, other]).await;
        assert_eq!(answer.status(), 403, "{contradictory:?}");
    }
    for plain in [[same, own], [same, ("origin", "null")]] {
        let [one, other] = plain;
        let answer = verify(Method::POST, &[known, one, other]).await;
        assert_eq!(answer.status(), 200, "{plain:?}");
    }
    let sent = verify(Method::GET, &[("accept", "text/html")]).await;
    assert_eq!(sent.status(), 303);
    let location = header(&sent, "location");
    assert!(
        location.contains("app.example%252Forders%253Fpage%253D2"),
        "{location}"
    );
}

/// A WebSocket upgrade and a form pass with scheme and host in every form that proxies send.
#[tokio::test]
async fn origin_is_recognized_in_every_forwarded_form() {
    let site = site().await;
    let cookie = site.sign_in("ada").await;
    for (proto, host, expected) in [
        ("wss", "app.example", 200),
        ("WSS", "app.example:443", 200),
        ("HTTPS", "App.Example", 200),
        ("https,http", "app.example", 200),
        ("\"https\"", "\"app.example\"", 200),
        ("ws", "app.example", 403),
        ("http", "app.example", 403),
        ("https", "evil.example, app.example", 403),
        ("https", "app.example:8443", 403),
        ("gopher", "app.example", 403),
    ] {
        let origin_headers = [
            ("x-forwarded-proto", proto),
            ("x-forwarded-host", host),
            ("origin", APP),
        ];
        let socket = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        let known = ("cookie", cookie.as_str());
        let upgrade = verify_method(
            &site,
            "GET",
            &[&origin_headers[..], &[known, socket]].concat(),
        )
        .await;
        assert_eq!(upgrade.status(), expected, "{proto} {host}");
        let form = verify_method(&site, "POST", &[&origin_headers[..], &[known]].concat()).await;
        assert_eq!(form.status(), expected, "{proto} {host}");

        let navigation = [
            ("sec-fetch-mode", "navigate"),
            origin_headers[0],
            origin_headers[1],
        ];
        let sent = verify_method(&site, "GET", &navigation).await;
        let back = "/login?next=%2Fcontinue%3Fto%3Dhttps%253A%252F%252Fapp.example%252Forders";
        let is_known = header(&sent, "location").contains(back);
        assert_eq!(is_known, expected == 200, "{proto} {host}");
    }
}
