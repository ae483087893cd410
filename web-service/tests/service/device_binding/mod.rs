//! Device Bound Session Credentials (`/session/bind`, `/session/refresh`), with a browser that the test imitates.

mod bind;
mod policy;
mod proof;
mod refresh;
mod theft;
mod trust;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_identity::audit::AuditKind;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use web_service::config::ServeConfig;

use crate::support::{PASSWORD, Site, cookie_of, header, until, with_headers};

/// The user agent of the browser; requests without it come from another device.
const BROWSER: &str = "Browser/1.0";

/// A browser with a device-bound key.
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
        let answer = browser.bind(&browser.registration_proof(&challenge)).await;
        assert_eq!(answer.status(), 200);
        browser.store_proof(answer).await;
        browser.assert_bound().await;
        browser
    }

    /// Signs in, and stores the challenge of the registration that is offered.
    async fn signed_in(site: &'a Site) -> Self {
        let fields = [("username", "ada"), ("password", PASSWORD)];
        let answer = site.submit_login(&fields).await;
        let registration = header(&answer, "secure-session-registration");
        let challenge = registration
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

    fn registration_proof(&self, challenge: &str) -> String {
        let header = json!({"alg": "ES256", "typ": "dbsc+jwt", "jwk": self.jwk()});
        self.sign(&header, challenge)
    }

    fn refresh_proof(&self, challenge: &str) -> String {
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

    async fn refresh_without_proof(&self) -> Response {
        let id = ("sec-secure-session-id", self.sid.as_str());
        self.post("/session/refresh", &[id]).await
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let request = with_headers(self.site.request(Method::POST, path), headers)
            .header("cookie", self.cookies())
            .header("user-agent", BROWSER);
        request.send().await.unwrap()
    }

    /// Stores the proof cookie and the next challenge; returns the session instructions.
    async fn store_proof(&mut self, answer: Response) -> Value {
        self.proof = cookie_of(&answer, "__Host-session-proof").unwrap();
        self.challenge = challenge_of(&answer, &self.sid);
        answer.json().await.unwrap()
    }

    async fn renew(&mut self) {
        let answer = self.refresh(&self.refresh_proof(&self.challenge)).await;
        assert_eq!(answer.status(), 200);
        self.store_proof(answer).await;
    }

    async fn session(&self) -> Response {
        get(self.site, "/api/session", &self.cookies(), &[]).await
    }

    /// Asserts that the session is alive and bound.
    async fn assert_bound(&self) {
        let answer = self.session().await;
        assert_eq!(answer.status(), 200);
        let session: Value = answer.json().await.unwrap();
        assert!(session["bound_at"].is_string(), "{session}");
    }
}

/// Binds one more session and waits until that is recorded, so that events before it are recorded, too. `bound` is the number of
/// sessions that are bound then.
async fn settle_audit_trail(site: &Site, bound: usize) {
    Browser::bound(site).await;
    until("the binding in the audit trail", async || {
        (site.audit_count(AuditKind::DeviceBound).await == bound).then_some(())
    })
    .await;
}

fn challenge_of(answer: &Response, sid: &str) -> String {
    let value = header(answer, "secure-session-challenge");
    let challenge = value.strip_suffix(&format!(";id=\"{sid}\""));
    challenge.unwrap().trim_matches('"').to_owned()
}

async fn get(site: &Site, path: &str, cookie: &str, headers: &[(&str, &str)]) -> Response {
    let request = site.request(Method::GET, path).header("cookie", cookie);
    let request = request.header("user-agent", BROWSER);
    with_headers(request, headers).send().await.unwrap()
}

async fn site_with(adjust: impl FnOnce(&mut ServeConfig)) -> Site {
    let site = Site::start_with(adjust).await;
    site.add_user("ada").await;
    site
}

async fn site() -> Site {
    site_with(|_| ()).await
}
