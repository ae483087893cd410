//! The trust of a browser that is bound to its device (`/session/trust/bind`, `/session/trust/refresh`).

use std::time::Duration;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use holdfast_identity::audit::AuditKind;
use reqwest::{Method, Response};
use serde_json::Value;
use web_service::session::device_binding::DeviceBinding;

use super::{BROWSER, Browser, challenge_of};
use crate::support::{AuthOptions, PASSWORD, Site, TotpApp, cookie_of, header, with_headers};

const BIND: &str = "/session/trust/bind";
const REFRESH: &str = "/session/trust/refresh";

/// A browser that was trusted at a sign-in, and what it keeps of that.
struct Trusted<'a> {
    site: &'a Site,
    /// Signs with the key of the trust.
    browser: Browser<'a>,
    id: String,
    session: String,
    token_cookie: String,
    proof: String,
}

impl<'a> Trusted<'a> {
    /// Signs in with a browser that is to be trusted, which was offered the registration of a key.
    async fn offered(site: &'a Site, app: &TotpApp) -> Self {
        let step = site.after_password("ada").await;
        let code = app.code(site);
        let fields = [("factor", "totp"), ("code", &code), ("trust", "yes")];
        let done = site.present(&step, &fields).await;
        site.clock.advance(Duration::from_secs(30));
        let registrations = header(&done, "secure-session-registration").to_owned();
        let (of_session, of_trust) = registrations.split_once(", ").unwrap();
        assert!(
            of_session.contains(r#"path="/session/bind""#),
            "{of_session}"
        );
        let challenge = of_trust
            .strip_prefix("(ES256);path=\"/session/trust/bind\";challenge=\"")
            .and_then(|rest| rest.strip_suffix('"'));
        let session = cookie_of(&done, "__Host-session").unwrap();
        Self {
            site,
            browser: Browser {
                site,
                key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
                sid: String::new(),
                session: String::new(),
                proof: String::new(),
                challenge: challenge.unwrap().to_owned(),
            },
            id: String::new(),
            session,
            token_cookie: cookie_of(&done, "__Host-trusted").unwrap(),
            proof: String::new(),
        }
    }

    /// The same, with the registered key.
    async fn bound(site: &'a Site, app: &TotpApp) -> Self {
        let mut trusted = Self::offered(site, app).await;
        let proof = trusted.registration_proof();
        let answer = trusted.bind(&proof).await;
        assert_eq!(answer.status(), 200);
        trusted.token_cookie = cookie_of(&answer, "__Host-trusted").unwrap();
        trusted.store(answer).await;
        trusted
    }

    /// Stores the answer to a proof; returns the session instructions.
    async fn store(&mut self, answer: Response) -> Value {
        self.proof = cookie_of(&answer, "__Host-trusted-proof").unwrap();
        let challenge = header(&answer, "secure-session-challenge").to_owned();
        let config: Value = answer.json().await.unwrap();
        let id = config["session_identifier"].as_str().unwrap();
        let (challenge, of) = challenge.split_once(";id=").unwrap();
        assert_eq!(of.trim_matches('"'), id);
        challenge
            .trim_matches('"')
            .clone_into(&mut self.browser.challenge);
        id.clone_into(&mut self.id);
        config
    }

    fn registration_proof(&self) -> String {
        self.browser.registration_proof(&self.browser.challenge)
    }

    async fn bind(&self, jwt: &str) -> Response {
        let cookies = format!("{}; {}", self.session, self.token_cookie);
        self.post(BIND, &cookies, &[("secure-session-response", jwt)])
            .await
    }

    async fn refresh(&self, jwt: Option<&str>) -> Response {
        let id = ("sec-secure-session-id", self.id.as_str());
        let proof = jwt.map(|jwt| ("secure-session-response", jwt));
        let headers: Vec<_> = [id].into_iter().chain(proof).collect();
        self.post(REFRESH, &self.token_cookie, &headers).await
    }

    async fn post(&self, path: &str, cookies: &str, headers: &[(&str, &str)]) -> Response {
        let request = with_headers(self.site.request(Method::POST, path), headers)
            .header("cookie", cookies)
            .header("user-agent", BROWSER);
        request.send().await.unwrap()
    }

    fn cookies(&self) -> String {
        format!("{}; {}", self.token_cookie, self.proof)
    }
}

/// Whether the password is enough in a browser with these cookies.
async fn is_enough(site: &Site, cookies: &str) -> bool {
    let (form, token) = site.login_form().await;
    let fields = [
        ("csrf_token", token.as_str()),
        ("username", "ada"),
        ("password", PASSWORD),
    ];
    let cookies = format!("{form}; {cookies}");
    let answer = site.post_form("/login", &cookies, &fields).await;
    assert_eq!(answer.status(), 303);
    header(&answer, "location") == "/dashboard"
}

#[tokio::test]
async fn trust_is_of_use_with_a_recent_proof_of_its_key_only() {
    let (site, app, _) = Site::with_totp("ada").await;
    let mut trusted = Trusted::offered(&site, &app).await;
    let unbound = trusted.token_cookie.clone();
    assert!(is_enough(&site, &unbound).await, "it is not bound yet");
    let answer = trusted.bind(&trusted.registration_proof()).await;
    assert_eq!(answer.status(), 200);
    trusted.token_cookie = cookie_of(&answer, "__Host-trusted").unwrap();
    let config = trusted.store(answer).await;
    assert_eq!(config["refresh_url"], REFRESH);
    assert_eq!(config["credentials"][0]["name"], "__Host-trusted-proof");
    let rules = config["scope"]["scope_specification"].as_array().unwrap();
    let rules: Vec<_> = rules
        .iter()
        .map(|rule| {
            (
                rule["type"].as_str().unwrap(),
                rule["path"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(rules, [("exclude", "/"), ("include", "/login")]);
    assert_eq!(site.audit_count(AuditKind::BrowserTrustBound).await, 1);

    assert!(is_enough(&site, &trusted.cookies()).await);
    assert!(!is_enough(&site, &unbound).await, "the token alone");
    assert!(!is_enough(&site, &trusted.token_cookie).await, "no proof");
    site.clock.advance(Duration::from_mins(5));
    assert!(!is_enough(&site, &trusted.cookies()).await, "an old proof");
    let jwt = trusted.browser.refresh_proof(&trusted.browser.challenge);
    let answer = trusted.refresh(Some(&jwt)).await;
    assert_eq!(answer.status(), 200);
    trusted.store(answer).await;
    assert!(is_enough(&site, &trusted.cookies()).await);
    let again = trusted.refresh(Some(&jwt)).await;
    assert_eq!(again.status(), 403, "a replayed proof");
}

#[tokio::test]
async fn stolen_trust_is_of_no_use_without_its_key() {
    let (site, app, _) = Site::with_totp("ada").await;
    let trusted = Trusted::bound(&site, &app).await;
    let thief = Trusted::bound(&site, &app).await;
    // The token with the key of the thief, who has a valid proof of it for another token.
    let (token, _) = trusted.token_cookie.split_once('.').unwrap();
    let (_, key) = thief.token_cookie.split_once('.').unwrap();
    let forged = format!("{token}.{key}");
    assert!(!is_enough(&site, &format!("{forged}; {}", thief.proof)).await);
    assert!(!is_enough(&site, &format!("{}; {}", trusted.token_cookie, thief.proof)).await);

    let asked = trusted.refresh(None).await;
    assert_eq!(asked.status(), 403);
    let challenge = challenge_of(&asked, &trusted.id);
    let jwt = thief.browser.refresh_proof(&challenge);
    let refused = trusted.refresh(Some(&jwt)).await;
    assert_eq!(refused.status(), 403);
    assert!(cookie_of(&refused, "__Host-trusted-proof").is_none());

    // Nor is a key registered in place of the first one.
    let unbound = Trusted {
        token_cookie: token.to_owned(),
        session: trusted.session.clone(),
        ..thief
    };
    let again = unbound.bind(&unbound.registration_proof()).await;
    assert_eq!(again.status(), 403);
    assert!(is_enough(&site, &trusted.cookies()).await);
}

#[tokio::test]
async fn key_of_an_earlier_trust_is_ended() {
    let (site, app, _) = Site::with_totp("ada").await;
    let earlier = Trusted::bound(&site, &app).await;
    let trusted = Trusted {
        id: earlier.id.clone(),
        ..Trusted::bound(&site, &app).await
    };
    let answer = trusted.refresh(None).await;
    assert_eq!(answer.status(), 200);
    let config: Value = answer.json().await.unwrap();
    assert_eq!(config["session_identifier"], earlier.id.as_str());
    assert_eq!(config["continue"], false);
}

#[tokio::test]
async fn sign_out_leaves_the_key_of_a_bound_trust() {
    let (site, app, _) = Site::with_totp("ada").await;
    let trusted = Trusted::bound(&site, &app).await;
    let token = site.page_token("/dashboard", &trusted.session).await;
    let cookies = format!("{}; {}", trusted.session, trusted.cookies());
    let signed_out = site.sign_out(&cookies, &token).await;
    assert_eq!(header(&signed_out, "clear-site-data"), r#""cache""#);
    assert!(cookie_of(&signed_out, "__Host-trusted").is_none());
    assert!(is_enough(&site, &trusted.cookies()).await);
}

#[tokio::test]
async fn trust_is_shown_with_the_logins_and_ended_there() {
    let (site, app, _) = Site::with_totp("ada").await;
    let trusted = Trusted::bound(&site, &app).await;
    let logins = site.get("/account/logins", &trusted.session).await;
    let logins = logins.text().await.unwrap();
    assert!(logins.contains("bound to its device"), "{logins}");
    let (_, rest) = logins.split_once("/account/trusted-browsers/").unwrap();
    let path = format!(
        "/account/trusted-browsers/{}",
        rest.split('"').next().unwrap()
    );
    let token = site.page_token("/account/logins", &trusted.session).await;
    let fields = [("csrf_token", token.as_str()), ("page", "/account/logins")];
    let ended = site.post_form(&path, &trusted.session, &fields).await;
    assert_eq!(header(&ended, "location"), "/account/logins");
    assert!(!is_enough(&site, &trusted.cookies()).await);
}

#[tokio::test]
async fn unbound_trust_is_of_no_use_where_binding_is_required() {
    let options = AuthOptions {
        passkeys: true,
        ..AuthOptions::default()
    };
    let site = Site::start_for(options, |config| {
        config.device_binding.binding = DeviceBinding::Require;
    })
    .await;
    site.add_user("ada").await;
    let session = site.sign_in("ada").await;
    let app = site.set_up_totp(&session).await;
    let offered = Trusted::offered(&site, &app).await;
    assert!(!is_enough(&site, &offered.token_cookie).await);
    let bound = Trusted::bound(&site, &app).await;
    assert!(is_enough(&site, &bound.cookies()).await);
}
