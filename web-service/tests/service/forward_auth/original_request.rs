use std::time::Duration;

use holdfast_core::clock::ManualClock;
use reqwest::{Method, Response};
use web_service::{
    config::ServeConfig,
    request::{redirect_origins::AllowedRedirectOrigins, trusted_proxies::TrustedProxies},
};

use crate::support::{PASSWORD, Site, cookie_of, header, until};

const APP: &str = "https://app.example";

/// A proxy asks about a request to the application.
async fn ask(site: &Site, query: &str, headers: &[(&str, &str)]) -> Response {
    let proxied = [
        ("x-forwarded-method", "GET"),
        ("x-forwarded-uri", "/orders?page=2"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "app.example"),
    ];
    let request = site.request(Method::GET, &format!("/auth/verify{query}"));
    let all = proxied.iter().chain(headers);
    let request = all.fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    request.send().await.unwrap()
}

async fn site() -> Site {
    let site = Site::start_behind_for(["127.0.0.0/8"], [APP]).await;
    site.add_user("ada").await;
    site
}

fn identity(response: &Response) -> [String; 5] {
    ["user", "subject", "login", "scope", "method"].map(|name| {
        response.headers()[format!("x-auth-{name}")]
            .to_str()
            .unwrap()
            .to_owned()
    })
}

#[tokio::test]
async fn every_response_has_every_identity_header() {
    let site = site().await;
    let cookie = site.sign_in("ada").await;
    let passed = ask(&site, "", &[("cookie", &cookie)]).await;
    assert_eq!(
        (passed.status().as_u16(), header(&passed, "cache-control")),
        (200, "no-store")
    );
    let [user, subject, login, scope, method] = identity(&passed);
    assert_eq!(
        (user.as_str(), scope.as_str(), method.as_str()),
        ("ada", "profile", "cookie")
    );
    assert!(!subject.is_empty() && !login.is_empty());

    let (token, _) = site.tokens("ada").await;
    let bearer = format!("Bearer {token}");
    let passed = ask(&site, "?scope=profile", &[("authorization", &bearer)]).await;
    assert_eq!(identity(&passed)[4], "bearer");

    let junk = "Bearer a.b.c";
    for (query, headers, status) in [
        ("", &[][..], 401),
        (
            "",
            &[("authorization", junk), ("cookie", cookie.as_str())],
            401,
        ),
        ("?scope=orders:read", &[("cookie", cookie.as_str())], 403),
        (
            "?scope=orders:read",
            &[("authorization", bearer.as_str())],
            403,
        ),
        (
            "?audience=https://other.example",
            &[("authorization", bearer.as_str())],
            401,
        ),
        ("?max_age=soon", &[("cookie", cookie.as_str())], 403),
        ("?scopes=profile", &[("cookie", cookie.as_str())], 403),
    ] {
        let denied = ask(&site, query, headers).await;
        assert_eq!(denied.status(), status, "{query} {headers:?}");
        assert_eq!(identity(&denied), [const { String::new() }; 5]);
    }
}

#[tokio::test]
async fn description_by_untrusted_peer_is_ignored() {
    let site = Site::start().await;
    site.add_user("ada").await;
    let cookie = site.sign_in("ada").await;
    let denied = ask(&site, "", &[("cookie", &cookie)]).await;
    assert_eq!(
        denied.status(),
        403,
        "the method is not known, and so counts as unsafe"
    );
    let sent = ask(&site, "", &[("accept", "text/html")]).await;
    assert_eq!(
        header(&sent, "location"),
        "",
        "nor is it known to be a navigation"
    );

    let site = self::site().await;
    let cookie = site.sign_in("ada").await;
    let both = [("cookie", cookie.as_str()), ("x-original-method", "GET")];
    let denied = ask(&site, "", &both).await;
    assert_eq!(denied.status(), 403, "one of the two is the client's");
}

/// Envoy's HTTP service keeps method, host and path; its query is the client's.
#[tokio::test]
async fn envoy_request_is_checked_as_received() {
    let site = site().await;
    let cookie = site.sign_in("ada").await;
    let ask = async |method: Method, headers: &[(&str, &str)]| {
        let own = [("host", "app.example"), ("x-forwarded-proto", "https")];
        let request = site.request(method, "/auth/verify/orders?page=2&scope=admin");
        let all = own.iter().chain(headers);
        let request = all.fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        request.send().await.unwrap()
    };
    let known = ("cookie", cookie.as_str());
    assert_eq!(ask(Method::GET, &[known]).await.status(), 200);
    assert_eq!(ask(Method::POST, &[known]).await.status(), 403);
    let own = ("origin", APP);
    assert_eq!(ask(Method::POST, &[known, own]).await.status(), 200);
    let socket = [
        known,
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-fetch-site", "same-site"),
    ];
    assert_eq!(ask(Method::GET, &socket).await.status(), 403);
    let root = site
        .request(Method::GET, "/auth/verify/")
        .header("cookie", &cookie);
    assert_eq!(root.send().await.unwrap().status(), 200);
    let foreign = ("sec-fetch-site", "cross-site");
    assert_eq!(ask(Method::POST, &[known, foreign]).await.status(), 403);
    let same = ("sec-fetch-site", "same-origin");
    for contradictory in [
        [same, ("origin", "https://evil.example")],
        [same, foreign],
        [same, same],
        [own, ("origin", "https://evil.example")],
        [own, own],
    ] {
        let [one, other] = contradictory;
        let answer = ask(Method::POST, &[known, one, other]).await;
        assert_eq!(answer.status(), 403, "{contradictory:?}");
    }
    for plain in [[same, own], [same, ("origin", "null")]] {
        let [one, other] = plain;
        let answer = ask(Method::POST, &[known, one, other]).await;
        assert_eq!(answer.status(), 200, "{plain:?}");
    }
    let sent = ask(Method::GET, &[("accept", "text/html")]).await;
    assert_eq!(sent.status(), 303);
    let location = header(&sent, "location");
    assert!(
        location.contains("app.example%252Forders%253Fpage%253D2"),
        "{location}"
    );
}

/// Proxies write scheme and host in their own ways: a WebSocket's upgrade and a form pass in each of them.
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
        let upgrade = asks(
            &site,
            "GET",
            &[&origin_headers[..], &[known, socket]].concat(),
        )
        .await;
        assert_eq!(upgrade.status(), expected, "{proto} {host}");
        let form = asks(&site, "POST", &[&origin_headers[..], &[known]].concat()).await;
        assert_eq!(form.status(), expected, "{proto} {host}");

        let navigation = [
            ("sec-fetch-mode", "navigate"),
            origin_headers[0],
            origin_headers[1],
        ];
        let sent = asks(&site, "GET", &navigation).await;
        let back = "/login?next=%2Fcontinue%3Fto%3Dhttps%253A%252F%252Fapp.example%252Forders";
        let is_known = header(&sent, "location").contains(back);
        assert_eq!(is_known, expected == 200, "{proto} {host}");
    }
}

/// A proxy asks about a request to the application in its own words.
async fn asks(site: &Site, method: &str, headers: &[(&str, &str)]) -> Response {
    let request = site.request(Method::GET, "/auth/verify");
    let own = [
        ("x-forwarded-method", method),
        ("x-forwarded-uri", "/orders?page=2"),
    ];
    let all = own.iter().chain(headers);
    let request = all.fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    request.send().await.unwrap()
}

/// It carries no credential: letting it pass would show the application a request of nobody.
#[tokio::test]
async fn preflight_is_refused() {
    let site = site().await;
    let preflight = [
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "app.example"),
        ("origin", "https://other.example"),
        ("access-control-request-method", "POST"),
        ("sec-fetch-mode", "cors"),
        ("sec-fetch-site", "cross-site"),
    ];
    let denied = asks(&site, "OPTIONS", &preflight).await;
    assert_eq!(denied.status(), 401);
    assert_eq!(header(&denied, "location"), "");
    assert_eq!(header(&denied, "access-control-allow-origin"), "");
    assert_eq!(identity(&denied), [const { String::new() }; 5]);
}

#[tokio::test]
async fn old_authentication_leads_to_reauthentication() {
    let site = site().await;
    let cookie = site.sign_in("ada").await;
    let fresh = ask(&site, "?max_age=60", &[("cookie", &cookie)]).await;
    assert_eq!(fresh.status(), 200);
    site.clock.advance(Duration::from_secs(61));
    let program = ask(&site, "?max_age=60", &[("cookie", &cookie)]).await;
    assert_eq!(program.status(), 401);
    let navigation = [("cookie", cookie.as_str()), ("sec-fetch-mode", "navigate")];
    let sent = ask(&site, "?max_age=60", &navigation).await;
    assert_eq!(sent.status(), 303);
    let confirm = header(&sent, "location")
        .strip_prefix(&site.origin)
        .unwrap()
        .to_owned();
    assert!(
        confirm.starts_with("/account/confirm?next=%2Fcontinue"),
        "{confirm}"
    );

    let token = site.page_token(&confirm, &cookie).await;
    let answer = async |password: &str| {
        let fields = [
            ("csrf_token", token.as_str()),
            ("confirm_password", password),
        ];
        site.post_form(&confirm, &cookie, &fields).await
    };
    assert_eq!(answer("").await.status(), 422);
    assert_eq!(answer("a wrong password").await.status(), 422);
    let proved = answer(PASSWORD).await;
    let onward = header(&proved, "location").to_owned();
    let renewed = cookie_of(&proved, "__Host-session").unwrap();
    let sent = site.post_form(&onward, &renewed, &[]).await;
    assert_eq!(
        header(&sent, "location"),
        "https://app.example/orders?page=2"
    );
    let passed = ask(&site, "?max_age=60", &[("cookie", &renewed)]).await;
    assert_eq!(passed.status(), 200);
}

#[tokio::test]
async fn ended_session_leads_to_sign_in() {
    let site = site().await;
    let cookie = site.sign_in("ada").await;
    site.clock.advance(Duration::from_mins(30));
    assert_eq!(ask(&site, "", &[("cookie", &cookie)]).await.status(), 401);
    let navigation = [("cookie", cookie.as_str()), ("accept", "text/html")];
    let sent = ask(&site, "", &navigation).await;
    assert_eq!(sent.status(), 303);
    assert!(header(&sent, "location").contains("/login?next="));
}

#[tokio::test]
async fn redirect_leads_to_configured_origins_only() {
    let site = site().await;
    for (to, status) in [
        ("https://app.example/a", 200),
        ("https://app.example.evil/", 404),
        ("https://user@app.example/", 404),
        ("javascript:alert(1)", 404),
        ("//app.example/", 404),
        ("blob:https://app.example/67e55044", 404),
        ("filesystem:https://app.example/temporary/a", 404),
        ("view-source:https://app.example/a", 404),
        ("https://app.example:8443/a", 404),
        ("http://app.example/a", 404),
    ] {
        let to_there: String = url::form_urlencoded::byte_serialize(to.as_bytes()).collect();
        let request = site.request(Method::GET, &format!("/continue?to={to_there}"));
        let page = request.send().await.unwrap();
        assert_eq!(page.status(), status, "{to}");
        let policy = header(&page, "content-security-policy");
        let forms = if status == 200 {
            "'self' https://app.example;"
        } else {
            "'self';"
        };
        assert!(policy.contains(&format!("form-action {forms}")), "{policy}");
        let form = site.request(Method::POST, &format!("/continue?to={to_there}"));
        let sent = form
            .header("sec-fetch-site", "same-origin")
            .send()
            .await
            .unwrap();
        if status == 200 {
            assert_eq!(
                (sent.status().as_u16(), header(&sent, "location")),
                (303, to)
            );
        } else {
            assert_eq!(sent.status(), status, "{to}");
        }
        let again = site.get(&format!("/account/again?to={to_there}"), "").await;
        let expected = if status == 200 { 303 } else { status };
        assert_eq!(again.status(), expected, "{to}");
    }
    let nowhere = site.get("/continue", "a=b").await;
    assert_eq!(nowhere.status(), 404);
}

/// A form that came after the session's end is not passed on; the person is told so, and comes back to the page that has it.
#[tokio::test]
async fn form_after_session_end_reports_no_change() {
    let site = site().await;
    let post = ("x-forwarded-method", "POST");
    let ask = async |headers: &[(&str, &str)]| {
        let proxied = [
            post,
            ("x-forwarded-uri", "/orders/7/cancel"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "app.example"),
        ];
        let request = site.request(Method::GET, "/auth/verify");
        let all = proxied.iter().chain(headers);
        let request = all.fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
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
        let sent = ask(&[&form[..], &[("referer", referer)]].concat()).await;
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
    let old_browser = ask(&[("accept", "text/html,*/*"), ("origin", APP)]).await;
    assert_eq!(old_browser.status(), 303);
    for program in [
        [("sec-fetch-mode", "cors"), ("accept", "text/html")],
        [("accept", "application/json"), ("origin", APP)],
    ] {
        let denied = ask(&program).await;
        assert_eq!(denied.status(), 401);
        assert_eq!(header(&denied, "location"), "");
    }
}

/// A person behind a staging site's password is one who navigates.
#[tokio::test]
async fn navigation_with_unknown_scheme_leads_to_sign_in() {
    let site = site().await;
    let navigation = ("sec-fetch-mode", "navigate");
    let basic = ("authorization", "Basic c3RhZ2luZzpzaXRl");
    assert_eq!(ask(&site, "", &[navigation, basic]).await.status(), 303);
    let bearer = ("authorization", "Bearer a.b.c");
    assert_eq!(ask(&site, "", &[navigation, bearer]).await.status(), 401);
}

/// What an application keeps in its address is still there after the sign-in; what no browser could ask for is left out.
#[tokio::test]
async fn long_target_survives_sign_in() {
    let site = site().await;
    let ask = async |uri: &str| {
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
    let sent = ask(&deep).await;
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

    let sent = ask(&format!("/orders?filter={}", "/".repeat(7000))).await;
    assert_eq!(header(&sent, "location"), format!("{}/login", site.origin));
}

/// By whatever clock web-service goes.
#[tokio::test]
async fn age_is_measured_on_clock_of_auth_service() {
    for skew in [-120, 120] {
        let (clock, auth_clock) = (ManualClock::default(), ManualClock::default());
        clock.leap(time::Duration::seconds(skew));
        let behind_a_proxy = |config: &mut ServeConfig| {
            config.trusted_proxies = TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
            config.return_origins = AllowedRedirectOrigins::new(vec![APP.to_owned()]);
        };
        let site = Site::start_by((clock.clone(), auth_clock.clone()), behind_a_proxy).await;
        site.add_user("ada").await;
        let cookie = site.sign_in("ada").await;
        let (token, _) = site.tokens("ada").await;
        let token = format!("Bearer {token}");
        let age = async |age: &str| {
            let mut answers = Vec::new();
            for credential in [("cookie", &cookie), ("authorization", &token)] {
                let credential = [(credential.0, credential.1.as_str())];
                let path = format!("?max_age={age}");
                answers.push(ask(&site, &path, &credential).await.status().as_u16());
            }
            answers
        };
        until("auth-service to say what time it is", async || {
            (age("60").await == [200, 200]).then_some(())
        })
        .await;
        for clock in [&clock, &auth_clock] {
            clock.advance(Duration::from_secs(61));
        }
        until("the proof to be too old", async || {
            (age("60").await == [401, 401]).then_some(())
        })
        .await;
        assert_eq!(age("90").await, [200, 200], "{skew}");
    }
}
