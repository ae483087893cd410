//! A bound session needs its proof, and where the proof comes from.

use std::time::Duration;

use holdfast_identity::audit::AuditKind;
use serde_json::{Value, json};
use web_service::{
    request::{redirect_origins::AllowedRedirectOrigins, trusted_proxies::TrustedProxies},
    session::device_binding::DeviceBinding,
};

use super::{Browser, challenge_of, get, site, site_with};
use crate::support::{assert_problem, header, until};

#[tokio::test]
async fn bound_session_requires_both_cookies() {
    let site = site().await;
    let mut browser = Browser::bound(&site).await;
    browser.assert_bound().await;
    let alone = browser.session.clone();

    let refused = site.get("/api/session", &alone).await;
    assert!(refused.headers().get("set-cookie").is_none());
    assert_problem(refused, 401, "DEVICE_PROOF_MISSING").await;
    let page = site.get("/dashboard", &alone).await;
    assert_eq!(page.status(), 303);
    assert!(page.headers().get("set-cookie").is_none());
    let forged = format!("{alone}; __Host-session-proof=AAAA");
    assert_eq!(site.get("/api/session", &forged).await.status(), 401);
    let twice = format!("{}; {}", browser.cookies(), browser.proof);
    assert_eq!(site.get("/api/session", &twice).await.status(), 401);

    browser.assert_bound().await;
    browser.renew().await;
    browser.assert_bound().await;
}

#[tokio::test]
async fn request_without_proof_does_not_extend_session() {
    let site = site().await;
    let mut browser = Browser::bound(&site).await;
    for _ in 0..29 {
        site.clock.advance(Duration::from_mins(1));
        assert_eq!(
            site.get("/api/session", &browser.session).await.status(),
            401
        );
    }
    browser.challenge = challenge_of(&browser.ask().await, &browser.sid);
    browser.renew().await;
    browser.assert_bound().await;
    site.clock.advance(Duration::from_mins(30));
    let over = browser.ask().await;
    assert_problem(over, 401, "SESSION_MISSING").await;
}

#[tokio::test]
async fn navigation_from_other_site_reloads_once() {
    let site = site().await;
    let browser = Browser::bound(&site).await;
    for path in ["/dashboard?a=%22b", "/login?next=/dashboard"] {
        let headers = |from| {
            [
                ("sec-fetch-site", from),
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", "document"),
            ]
        };
        let led = get(&site, path, &browser.session, &headers("cross-site")).await;
        assert_eq!(led.status(), 401);
        assert!(led.headers().get("set-cookie").is_none());
        let page = led.text().await.unwrap();
        assert!(
            page.contains("http-equiv=\"refresh\" content=\"0\""),
            "{page}"
        );
        assert!(!page.contains("<script"), "{page}");

        let again = get(&site, path, &browser.session, &headers("same-origin")).await;
        assert!([200, 303].contains(&again.status().as_u16()));
        let signs_in = header(&again, "location").starts_with("/login")
            || again.text().await.unwrap().contains("Sign in");
        assert!(signs_in, "once only");
    }
    let headers = [("sec-fetch-site", "cross-site")];
    let image = get(&site, "/dashboard", &browser.session, &headers).await;
    assert_eq!(image.status(), 303);
}

#[tokio::test]
async fn skipped_refresh_after_outage_is_unavailable() {
    let site = site().await;
    let browser = Browser::bound(&site).await;
    for why in ["server_error", "unreachable"] {
        let skipped = format!("{why};session_identifier=\"{}\"", browser.sid);
        let headers = [("secure-session-skipped", skipped.as_str())];
        let answer = get(&site, "/api/session", &browser.session, &headers).await;
        assert_eq!(header(&answer, "retry-after"), "1");
        assert_problem(answer, 503, "DEVICE_NOT_ASKED").await;
    }
    assert_eq!(site.audited(AuditKind::TheftSuspected).await, 0);
}

#[tokio::test]
async fn refresh_without_proof_gets_challenge_valid_once() {
    let site = site().await;
    let mut browser = Browser::bound(&site).await;
    let asked = browser.ask().await;
    assert_eq!(asked.status(), 403);
    assert!(asked.headers().get("set-cookie").is_none());
    let challenge = challenge_of(&asked, &browser.sid);
    assert_ne!(challenge, browser.challenge);

    // The one before it is good, too: an answer may have been on its way.
    browser.renew().await;
    let proof = browser.renewal(&challenge);
    let quoted = format!("\"{proof}\"");
    let answer = browser.refresh(&quoted).await;
    assert_eq!(answer.status(), 200, "quoted or bare");
    let again = browser.refresh(&proof).await;
    assert_eq!(again.status(), 403, "a copy of a proof");
    assert_ne!(challenge_of(&again, &browser.sid), challenge);
    browser.assert_bound().await;
}

#[tokio::test]
async fn invalid_proof_is_refused_and_uses_nothing_up() {
    let site = site().await;
    let mut browser = Browser::bound(&site).await;
    let other = Browser::bound(&site).await;
    let header = |alg: &str, typ: &str| json!({"alg": alg, "typ": typ});
    let fresh = challenge_of(&browser.ask().await, &browser.sid);
    let with_key = json!({"alg": "ES256", "typ": "dbsc+jwt", "jwk": browser.jwk()});
    let unsigned = browser.sign(&header("none", "dbsc+jwt"), &fresh);
    let wrong = [
        ("another key", other.renewal(&fresh)),
        (
            "another session's challenge",
            browser.renewal(&other.challenge),
        ),
        ("no challenge of ours", browser.renewal("AAAA")),
        ("none", browser.sign(&header("none", "dbsc+jwt"), &fresh)),
        (
            "no signature",
            unsigned.rsplit_once('.').unwrap().0.to_owned() + ".",
        ),
        ("HS256", browser.sign(&header("HS256", "dbsc+jwt"), &fresh)),
        ("RS256", browser.sign(&header("RS256", "dbsc+jwt"), &fresh)),
        ("typ", browser.sign(&header("ES256", "jwt"), &fresh)),
        ("a key comes along", browser.sign(&with_key, &fresh)),
        ("junk", "junk".to_owned()),
    ];
    for (what, jwt) in wrong {
        let answer = browser.refresh(&jwt).await;
        assert_eq!(answer.status(), 403, "{what}");
        challenge_of(&answer, &browser.sid);
        assert!(answer.headers().get("set-cookie").is_none(), "{what}");
    }
    let answer = browser.refresh(&browser.renewal(&fresh)).await;
    assert_eq!(answer.status(), 200, "none of them used the challenge up");
    browser.take(answer).await;
    until("the refusal in the audit trail", async || {
        (site.audited(AuditKind::DeviceProofRefused).await == 1).then_some(())
    })
    .await;

    site.clock.advance(Duration::from_mins(10));
    let old = browser.refresh(&browser.renewal(&browser.challenge)).await;
    assert_eq!(old.status(), 403, "an old challenge");
    browser.challenge = challenge_of(&old, &browser.sid);
    browser.renew().await;
    browser.assert_bound().await;
}

#[tokio::test]
async fn earlier_session_is_reported_as_ended() {
    let site = site().await;
    let old = Browser::bound(&site).await;
    let new = Browser {
        sid: old.sid.clone(),
        ..Browser::bound(&site).await
    };
    let answer = new.ask().await;
    assert_eq!(answer.status(), 200);
    let told: Value = answer.json().await.unwrap();
    assert_eq!(told["session_identifier"], old.sid.as_str());
    assert_eq!(told["continue"], false);
}

#[tokio::test]
async fn sign_out_removes_both_cookies() {
    let site = site().await;
    let browser = Browser::bound(&site).await;
    let page = get(&site, "/dashboard", &browser.cookies(), &[]).await;
    let page = page.text().await.unwrap();
    let token = page.split("csrf_token\" value=\"").nth(1).unwrap();
    let token = token.split('"').next().unwrap();
    let answer = site
        .post_form("/logout", &browser.cookies(), &[("csrf_token", token)])
        .await;
    let removed: Vec<_> = answer.headers().get_all("set-cookie").into_iter().collect();
    assert_eq!(removed.len(), 2, "{removed:?}");
    assert!(header(&answer, "clear-site-data").contains("\"storage\""));
    assert_eq!(browser.ask().await.status(), 401);
    assert_eq!(browser.session().await.status(), 401);
}

#[tokio::test]
async fn forward_auth_requires_both_cookies() {
    let app = "https://app.example";
    let site = site_with(|config| {
        config.trusted_proxies = TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
        config.return_origins = AllowedRedirectOrigins::new(vec![app.to_owned()]);
        config.device_binding.binding = DeviceBinding::Require;
    })
    .await;
    let browser = Browser::bound(&site).await;
    let asked = [("x-original-method", "GET"), ("x-original-uri", "/")];
    let both = get(&site, "/auth/verify", &browser.cookies(), &asked).await;
    assert_eq!(both.status(), 200);
    assert_eq!(header(&both, "x-auth-user"), "ada");
    let alone = get(&site, "/auth/verify", &browser.session, &asked).await;
    assert_eq!(alone.status(), 401);
    assert_eq!(header(&alone, "x-auth-user"), "");

    // A person is led to where the browser asks the device, and back without a click.
    let navigates = [
        ("x-original-method", "GET"),
        ("x-original-uri", "/orders?page=2"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "app.example"),
        ("accept", "text/html"),
    ];
    let led = get(&site, "/auth/verify", &browser.session, &navigates).await;
    let location = header(&led, "location").strip_prefix(&site.origin).unwrap();
    let here = location.to_owned();
    assert!(here.starts_with("/account/again?to=https"), "{here}");
    let cross = [
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    let page = get(&site, &here, &browser.session, &cross).await;
    assert!(page.text().await.unwrap().contains("http-equiv"));
    let back = get(&site, &here, &browser.cookies(), &[]).await;
    assert_eq!(
        header(&back, "location"),
        "https://app.example/orders?page=2"
    );
    let stranger = get(&site, &here, "", &[]).await;
    assert!(header(&stranger, "location").starts_with("/login?next=%2Fcontinue"));
    let elsewhere = "/account/again?to=https://evil.example/";
    let elsewhere = get(&site, elsewhere, &browser.cookies(), &[]).await;
    assert_eq!(elsewhere.status(), 404);
}

/// A page of another site can send the request, and neither the proof nor what says that it is none.
#[tokio::test]
async fn request_of_other_site_is_refused() {
    let site = site().await;
    let browser = Browser::bound(&site).await;
    for (path, id) in [("/session/bind", ""), ("/session/refresh", &browser.sid)] {
        for says in [
            &[("sec-fetch-site", "cross-site")][..],
            &[
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-site", "cross-site"),
            ],
        ] {
            let headers = [&[("sec-secure-session-id", id)], says].concat();
            let answer = browser.post(path, &headers).await;
            assert_eq!(header(&answer, "secure-session-challenge"), "");
            assert_problem(answer, 403, "FOREIGN_ORIGIN").await;
        }
    }
    // As Chromium says it.
    let proof = browser.renewal(&browser.challenge);
    let headers = [
        ("sec-secure-session-id", browser.sid.as_str()),
        ("secure-session-response", &proof),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-mode", "no-cors"),
        ("origin", &site.origin),
    ];
    let answer = browser.post("/session/refresh", &headers).await;
    assert_eq!(answer.status(), 200);
    browser.assert_bound().await;
}
