//! Device Bound Session Credentials, with a browser that this test plays.

use std::time::Duration;

use auth_service::domain::audit::AuditKind;
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use web_service::{
    config::ServeConfig,
    domain::{
        bindings::{DeviceBinding, OnTheft},
        device::PROOF_TTL,
        return_origins::ReturnOrigins,
        trusted_proxies::TrustedProxies,
    },
};

use crate::support::{PASSWORD, Site, assert_problem, cookie_of, header, until};

/// What a browser calls itself here; whoever does not is elsewhere.
const BROWSER: &str = "Browser/1.0";

/// A browser that keeps its keys in a device.
struct Browser<'a> {
    site: &'a Site,
    key: EcdsaKeyPair,
    sid: String,
    session: String,
    proof: String,
    challenge: String,
}

impl<'a> Browser<'a> {
    /// Signs in and binds the session.
    async fn bound(site: &'a Site) -> Self {
        let mut browser = Self::signed_in(site).await;
        let challenge = browser.challenge.clone();
        let answer = browser.bind(&browser.registration(&challenge)).await;
        assert_eq!(answer.status(), 200);
        browser.take(answer).await;
        browser.assert_bound().await;
        browser
    }

    /// Signs in, and has its invitation.
    async fn signed_in(site: &'a Site) -> Self {
        let fields = [("username", "ada"), ("password", PASSWORD)];
        let answer = site.submit_login(&fields).await;
        let invitation = header(&answer, "secure-session-registration");
        let challenge = invitation
            .strip_prefix("(ES256);path=\"/session/bind\";challenge=\"")
            .and_then(|rest| rest.strip_suffix('"'));
        let session = cookie_of(&answer, "__Host-session").unwrap();
        let mut browser = Self {
            site,
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            sid: String::new(),
            session,
            proof: String::new(),
            challenge: challenge.unwrap().to_owned(),
        };
        let session: Value = browser.session().await.json().await.unwrap();
        session["sid"]
            .as_str()
            .unwrap()
            .clone_into(&mut browser.sid);
        browser
    }

    fn cookies(&self) -> String {
        format!("{}; {}", self.session, self.proof)
    }

    fn jwk(&self) -> Value {
        let point = self.key.public_key().as_ref();
        let half = |half: &[u8]| URL_SAFE_NO_PAD.encode(half);
        json!({"kty": "EC", "crv": "P-256", "x": half(&point[1..33]), "y": half(&point[33..])})
    }

    fn sign(&self, header: &Value, challenge: &str) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(&json!({"jti": challenge})));
        let signature = self.key.sign(&SystemRandom::new(), message.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(signature.unwrap().as_ref());
        format!("{message}.{signature}")
    }

    fn registration(&self, challenge: &str) -> String {
        let header = json!({"alg": "ES256", "typ": "dbsc+jwt", "jwk": self.jwk()});
        self.sign(&header, challenge)
    }

    fn renewal(&self, challenge: &str) -> String {
        self.sign(&json!({"alg": "ES256", "typ": "dbsc+jwt"}), challenge)
    }

    async fn bind(&self, jwt: &str) -> Response {
        self.post("/session/bind", &[("secure-session-response", jwt)])
            .await
    }

    async fn refresh(&self, jwt: &str) -> Response {
        let id = ("sec-secure-session-id", self.sid.as_str());
        self.post("/session/refresh", &[id, ("secure-session-response", jwt)])
            .await
    }

    async fn ask(&self) -> Response {
        let id = ("sec-secure-session-id", self.sid.as_str());
        self.post("/session/refresh", &[id]).await
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = self.site.request(Method::POST, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .header("cookie", self.cookies())
            .header("user-agent", BROWSER);
        request.send().await.unwrap()
    }

    /// Keeps the proof cookie and the next challenge.
    async fn take(&mut self, answer: Response) -> Value {
        self.proof = cookie_of(&answer, "__Host-session-proof").unwrap();
        self.challenge = challenge_of(&answer, &self.sid);
        answer.json().await.unwrap()
    }

    async fn renew(&mut self) {
        let answer = self.refresh(&self.renewal(&self.challenge)).await;
        assert_eq!(answer.status(), 200);
        self.take(answer).await;
    }

    async fn session(&self) -> Response {
        get(self.site, "/api/session", &self.cookies(), &[]).await
    }

    /// Sees whether it is still signed in and bound.
    async fn assert_bound(&self) {
        let answer = self.session().await;
        assert_eq!(answer.status(), 200);
        let session: Value = answer.json().await.unwrap();
        assert!(session["bound_at"].is_string(), "{session}");
    }
}

fn challenge_of(answer: &Response, sid: &str) -> String {
    let value = header(answer, "secure-session-challenge");
    let challenge = value.strip_suffix(&format!(";id=\"{sid}\""));
    challenge.unwrap().trim_matches('"').to_owned()
}

async fn get(site: &Site, path: &str, cookie: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = site.request(Method::GET, path).header("cookie", cookie);
    request = request.header("user-agent", BROWSER);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

async fn site_with(adjust: impl FnOnce(&mut ServeConfig)) -> Site {
    let site = Site::start_with(adjust).await;
    site.add_user("ada").await;
    site
}

async fn site() -> Site {
    site_with(|_| ()).await
}

#[tokio::test]
async fn binding_tells_how_the_session_works_and_sets_the_cookie_that_it_describes() {
    let site = site().await;
    let browser = Browser::signed_in(&site).await;
    let answer = browser
        .bind(&browser.registration(&browser.challenge))
        .await;
    assert_eq!(answer.status(), 200);
    let set = header(&answer, "set-cookie").to_owned();
    let told: Value = answer.json().await.unwrap();

    assert_eq!(told["session_identifier"], browser.sid.as_str());
    assert_eq!(told["refresh_url"], "/session/refresh");
    assert_eq!(told["scope"]["origin"], site.origin.as_str());
    assert_eq!(told["scope"]["include_site"], false);
    let credential = &told["credentials"][0];
    assert_eq!(credential["name"], "__Host-session-proof");
    let (value_and_attributes, age) = set.rsplit_once("; ").unwrap();
    let (_, attributes) = value_and_attributes.split_once("; ").unwrap();
    assert_eq!(credential["attributes"], attributes);
    assert_eq!(age, "Max-Age=300");
}

#[tokio::test]
async fn a_bound_session_needs_both_cookies_and_asking_without_changes_nothing() {
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
async fn without_a_proof_idle_time_goes_on() {
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
async fn copies_of_both_cookies_are_good_until_the_proof_is_over_and_the_trail_says_so() {
    let site = site().await;
    let mut browser = Browser::bound(&site).await;
    let copies = browser.cookies();
    let second = Duration::from_secs(1);
    site.clock.advance(PROOF_TTL.saturating_sub(second));
    assert_eq!(site.get("/api/session", &copies).await.status(), 200);
    assert_eq!(site.audited(AuditKind::TheftSuspected).await, 0);

    site.clock.advance(second);
    let refused = site.get("/api/session", &copies).await;
    assert_problem(refused, 401, "DEVICE_PROOF_MISSING").await;
    site.clock.advance(second * 30);
    for _ in 0..3 {
        let refused = site.get("/api/session", &copies).await;
        assert_problem(refused, 401, "DEVICE_PROOF_MISSING").await;
    }
    until("the theft in the audit trail", async || {
        (site.audited(AuditKind::TheftSuspected).await == 1).then_some(())
    })
    .await;

    browser.renew().await;
    browser.assert_bound().await;
}

#[tokio::test]
async fn only_a_cookie_from_elsewhere_looks_like_a_theft() {
    let site = site().await;
    let browser = Browser::bound(&site).await;
    let led = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    get(&site, "/dashboard", &browser.session, &led).await;
    get(&site, "/api/session", &browser.session, &[]).await;
    assert_eq!(
        site.get("/api/session", &browser.session).await.status(),
        401
    );
    until("the theft in the audit trail", async || {
        (site.audited(AuditKind::TheftSuspected).await > 0).then_some(())
    })
    .await;
    assert_eq!(site.audited(AuditKind::TheftSuspected).await, 1);
    assert_eq!(site.audited(AuditKind::DeviceBound).await, 1);
    browser.assert_bound().await;
}

#[tokio::test]
async fn a_theft_ends_the_login_where_the_operator_wants_it() {
    let site = site_with(|config| config.device_binding.on_theft = OnTheft::EndLogin).await;
    let mut browser = Browser::bound(&site).await;
    let copies = browser.cookies();
    let alone = site.get("/api/session", &browser.session).await;
    assert_eq!(alone.status(), 401);
    until("the suspicion in the audit trail", async || {
        (site.audited(AuditKind::TheftSuspected).await == 1).then_some(())
    })
    .await;
    browser.renew().await;
    browser.assert_bound().await;

    // A device that calls itself something else may have been updated; a copy of its proof is a copy.
    site.clock.advance(PROOF_TTL + Duration::from_mins(2));
    assert_eq!(site.get("/api/session", &copies).await.status(), 401);
    until("the end of the session", async || {
        (browser.ask().await.status() == 401).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_page_that_another_site_led_to_loads_once_more() {
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
async fn our_own_outage_sends_nobody_away() {
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
async fn a_refresh_without_a_proof_gets_a_fresh_challenge_that_is_good_once() {
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
async fn every_wrong_proof_is_refused_and_harms_nothing() {
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
async fn a_session_is_bound_once_and_only_right_after_the_sign_in() {
    let site = site().await;
    let browser = Browser::signed_in(&site).await;
    let other = Browser::signed_in(&site).await;
    let good = browser.registration(&browser.challenge);
    let without_key = browser.renewal(&browser.challenge);
    for wrong in [
        without_key,
        browser.registration(&other.challenge),
        browser.registration("AAAA"),
        good[..good.len() - 4].to_owned(),
    ] {
        let refused = browser.bind(&wrong).await;
        assert_problem(refused, 403, "DEVICE_PROOF_REFUSED").await;
    }
    assert_eq!(browser.bind(&good).await.status(), 200);
    let thief = other.registration(&browser.challenge);
    assert_eq!(browser.bind(&thief).await.status(), 403, "bound already");
    assert_eq!(browser.bind(&good).await.status(), 403);

    site.clock.advance(Duration::from_secs(45));
    let late = other.registration(&other.challenge);
    assert_eq!(other.bind(&late).await.status(), 403, "too late");
    assert_eq!(other.session().await.status(), 200, "and still signed in");
}

#[tokio::test]
async fn whoever_is_not_signed_in_can_neither_bind_nor_refresh() {
    let site = site().await;
    let mut browser = Browser::bound(&site).await;
    browser.session = "__Host-session=AAAAAAAAAAAAAAAAAAAAAA".to_owned();
    assert_eq!(browser.ask().await.status(), 401);
    let jwt = browser.registration(&browser.challenge);
    assert_eq!(browser.bind(&jwt).await.status(), 401);
}

#[tokio::test]
async fn the_session_of_an_earlier_sign_in_is_told_to_be_over() {
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
async fn signing_out_ends_both_cookies() {
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
async fn where_binding_is_required_an_unbound_session_has_a_minute() {
    let site = site_with(|config| config.device_binding.binding = DeviceBinding::Require).await;
    let bound = Browser::bound(&site).await;
    let plain = Browser::signed_in(&site).await;
    assert_eq!(plain.session().await.status(), 200);
    site.clock.advance(Duration::from_mins(1));
    let refused = plain.session().await;
    assert_problem(refused, 401, "DEVICE_BINDING_REQUIRED").await;
    let unconfirmed = Browser::signed_in(&site).await;
    let jwt = unconfirmed.registration(&unconfirmed.challenge);
    assert_eq!(unconfirmed.bind(&jwt).await.status(), 200);
    site.clock.advance(Duration::from_mins(1));
    let refused = unconfirmed.session().await;
    assert_problem(refused, 401, "DEVICE_BINDING_REQUIRED").await;
    let page = get(&site, "/dashboard", &plain.session, &[]).await;
    assert_eq!(page.status(), 403);
    assert!(page.text().await.unwrap().contains("bound to the device"));
    bound.assert_bound().await;
}

#[tokio::test]
async fn where_binding_is_off_nobody_is_invited() {
    let site = site_with(|config| config.device_binding.binding = DeviceBinding::Off).await;
    let fields = [("username", "ada"), ("password", PASSWORD)];
    let answer = site.submit_login(&fields).await;
    assert_eq!(answer.status(), 303);
    assert!(
        answer
            .headers()
            .get("secure-session-registration")
            .is_none()
    );
}

#[tokio::test]
async fn an_unbound_browser_works_as_before() {
    let site = site().await;
    let cookie = site.sign_in("ada").await;
    site.clock.advance(Duration::from_mins(20));
    let session: Value = site
        .get("/api/session", &cookie)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(session["bound_at"], Value::Null);
    assert_eq!(site.get("/dashboard", &cookie).await.status(), 200);
}

#[tokio::test]
async fn the_list_of_devices_says_which_are_bound_and_since_when() {
    let site = site().await;
    let browser = Browser::bound(&site).await;
    site.sign_in("ada").await;
    let page = until("the binding in the list", async || {
        let page = get(&site, "/account/logins", &browser.cookies(), &[]).await;
        let page = page.text().await.unwrap();
        page.contains("bound to this device since").then_some(page)
    })
    .await;
    assert!(page.contains("not bound"), "{page}");
    let list = get(&site, "/api/logins", &browser.cookies(), &[]).await;
    let list: Value = list.json().await.unwrap();
    let mut bound: Vec<_> = list["logins"].as_array().unwrap().iter().collect();
    bound.retain(|login| login["bound_at"].is_string());
    assert_eq!(bound.len(), 1, "{list}");
    assert_eq!(bound[0]["sid"], browser.sid.as_str());
}

#[tokio::test]
async fn a_proxy_gets_the_same_decision() {
    let app = "https://app.example";
    let site = site_with(|config| {
        config.trusted_proxies = TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
        config.return_origins = ReturnOrigins::new(vec![app.to_owned()]);
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

#[tokio::test]
async fn where_an_application_has_another_origin_nobody_is_bound_by_preference() {
    let site = site_with(|config| {
        config.return_origins = ReturnOrigins::new(vec!["https://app.example".to_owned()]);
    })
    .await;
    let fields = [("username", "ada"), ("password", PASSWORD)];
    let answer = site.submit_login(&fields).await;
    let invitation = answer.headers().get("secure-session-registration");
    assert!(invitation.is_none());
}

#[tokio::test]
async fn a_browser_that_never_heard_of_its_binding_is_not_shut_out() {
    let site = site().await;
    let mut browser = Browser::signed_in(&site).await;
    let jwt = browser.registration(&browser.challenge);
    let lost = browser.bind(&jwt).await;
    assert_eq!(lost.status(), 200);
    site.clock.advance(Duration::from_mins(10));
    assert_eq!(browser.session().await.status(), 200);
    assert_eq!(site.audited(AuditKind::DeviceBound).await, 0);

    browser.take(lost).await;
    assert_eq!(
        browser.session().await.status(),
        200,
        "over, and so no proof"
    );
    browser.challenge = challenge_of(&browser.ask().await, &browser.sid);
    browser.renew().await;
    browser.assert_bound().await;
    let alone = site.get("/api/session", &browser.session).await;
    assert_eq!(alone.status(), 401, "from then on nothing less will do");
}

#[tokio::test]
async fn a_stranger_with_the_cookie_cannot_end_the_login_by_signing_in() {
    let site = site().await;
    site.add_user("eve").await;
    let browser = Browser::bound(&site).await;
    let (cookie, token) = site.login_form().await;
    let fields = [
        ("username", "eve"),
        ("password", PASSWORD),
        ("csrf_token", token.as_str()),
    ];
    let cookies = format!("{cookie}; {}", browser.session);
    let signed_in = site.post_form("/login", &cookies, &fields).await;
    assert_eq!(signed_in.status(), 303);
    browser.assert_bound().await;
}

#[tokio::test]
async fn an_honest_browser_that_signs_an_old_challenge_is_in_no_audit_trail() {
    let site = site().await;
    let mut browser = Browser::bound(&site).await;
    site.clock.advance(Duration::from_mins(11));
    let old = browser.refresh(&browser.renewal(&browser.challenge)).await;
    assert_eq!(old.status(), 403);
    browser.challenge = challenge_of(&old, &browser.sid);
    browser.renew().await;
    assert_eq!(site.audited(AuditKind::DeviceProofRefused).await, 0);
    assert_eq!(site.audited(AuditKind::TheftSuspected).await, 0);
}

#[tokio::test]
async fn a_new_password_asks_the_device_again_and_a_new_id_keeps_the_binding() {
    let site = site().await;
    let browser = Browser::bound(&site).await;
    let answer = site
        .request(Method::POST, "/api/session/reauthenticate")
        .header("cookie", browser.cookies())
        .header("sec-fetch-site", "same-origin")
        .json(&json!({"password": PASSWORD}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 204);
    let renewed = Browser {
        session: cookie_of(&answer, "__Host-session").unwrap(),
        ..browser
    };
    renewed.assert_bound().await;

    let page = get(&site, "/account/password", &renewed.cookies(), &[]).await;
    let page = page.text().await.unwrap();
    let token = page.split("csrf_token\" value=\"").nth(1).unwrap();
    let new = "another horse battery staple";
    let fields = [
        ("csrf_token", token.split('"').next().unwrap()),
        ("current_password", PASSWORD),
        ("new_password", new),
        ("new_password_again", new),
    ];
    let changed = site
        .post_form("/account/password", &renewed.cookies(), &fields)
        .await;
    assert_eq!(changed.status(), 303);
    assert!(!header(&changed, "secure-session-registration").is_empty());
}
