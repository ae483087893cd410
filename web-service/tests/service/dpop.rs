//! Tokens that are bound to a key: login, refresh, logout, revocation and forward auth with proofs of possession (RFC 9449).

use holdfast_core::clock::Clock as _;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::support::{PASSWORD, SigningKey, Site, assert_problem, header, sha256};

const APP: &str = "https://app.example";

/// A program with a key, and the last nonce that it received.
struct Program<'a> {
    site: &'a Site,
    key: SigningKey,
    nonce: String,
}

impl<'a> Program<'a> {
    fn new(site: &'a Site) -> Self {
        Self {
            site,
            key: SigningKey::generate(),
            nonce: String::new(),
        }
    }

    fn proof(&self, method: &Method, uri: &str, token: Option<&str>) -> String {
        let nonce = Some(self.nonce.as_str()).filter(|nonce| !nonce.is_empty());
        let further = json!({"nonce": nonce, "ath": token.map(sha256)});
        let now = self.site.clock.now().unix_timestamp();
        self.key.proof(method.as_str(), uri, now, &further)
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.site.origin)
    }

    fn with_proof(&self, method: Method, path: &str, token: Option<&str>) -> RequestBuilder {
        let proof = self.proof(&method, &self.url(path), token);
        self.site.request(method, path).header("dpop", proof)
    }

    async fn call(&self, method: Method, path: &str, token: &str) -> Response {
        let request = self.with_proof(method, path, Some(token));
        let request = request.header("authorization", format!("DPoP {token}"));
        request.send().await.unwrap()
    }

    /// Signs in; returns access and refresh token, and stores the nonce.
    async fn sign_in(&mut self) -> (String, String) {
        let request = self.with_proof(Method::POST, "/api/login", None);
        let body = json!({"username": "ada", "password": PASSWORD});
        let answer = request.json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        self.store_nonce(&answer);
        let tokens: Value = answer.json().await.unwrap();
        assert_eq!(tokens["token_type"], "DPoP");
        let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
        (text("access_token"), text("refresh_token"))
    }

    fn store_nonce(&mut self, answer: &Response) {
        header(answer, "dpop-nonce").clone_into(&mut self.nonce);
        assert!(!self.nonce.is_empty());
    }
}

#[tokio::test]
async fn bound_token_requires_its_key() {
    let site = Site::with_user("ada").await;
    let mut program = Program::new(&site);
    let (token, _) = program.sign_in().await;

    let answer = program.call(Method::GET, "/api/profile", &token).await;
    assert_eq!(answer.status(), 200);
    program.store_nonce(&answer);
    let profile: Value = answer.json().await.unwrap();
    assert_eq!(profile["logged_in_as"], "ada");

    let challenge = assert_problem(site.profile(&token).await, 401, "DPOP_PROOF_REQUIRED").await;
    assert!(
        challenge.starts_with("DPoP ") && challenge.contains("algs=\"ES256 EdDSA\""),
        "{challenge}"
    );
    let thief = Program {
        nonce: program.nonce.clone(),
        ..Program::new(&site)
    };
    let stolen = thief.call(Method::GET, "/api/profile", &token).await;
    assert_problem(stolen, 401, "DPOP_PROOF_INVALID").await;
    let bare = site
        .request(Method::GET, "/api/profile")
        .header("authorization", format!("DPoP {token}"));
    assert_problem(bare.send().await.unwrap(), 401, "DPOP_PROOF_REQUIRED").await;
    let junk = program.call(Method::GET, "/api/profile", "junk").await;
    let challenge = assert_problem(junk, 401, "TOKEN_MALFORMED").await;
    assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
}

#[tokio::test]
async fn missing_nonce_is_supplied_and_two_proofs_are_refused() {
    let site = Site::with_user("ada").await;
    let mut program = Program::new(&site);
    let (token, _) = program.sign_in().await;
    program.nonce.clear();
    let without_nonce = program.call(Method::GET, "/api/profile", &token).await;
    program.store_nonce(&without_nonce);
    let challenge = assert_problem(without_nonce, 401, "DPOP_NONCE_REQUIRED").await;
    assert!(
        challenge.contains("error=\"use_dpop_nonce\""),
        "{challenge}"
    );
    let answer = program.call(Method::GET, "/api/profile", &token).await;
    assert_eq!(answer.status(), 200);

    let uri = program.url("/api/profile");
    let twice = program
        .with_proof(Method::GET, "/api/profile", Some(&token))
        .header("dpop", program.proof(&Method::GET, &uri, Some(&token)))
        .header("authorization", format!("DPoP {token}"));
    assert_problem(twice.send().await.unwrap(), 401, "DPOP_PROOF_INVALID").await;
}

#[tokio::test]
async fn proof_is_valid_for_one_route_and_once() {
    let site = Site::with_user("ada").await;
    let mut program = Program::new(&site);
    let (token, _) = program.sign_in().await;
    let proof = program.proof(&Method::GET, &program.url("/api/session"), Some(&token));
    let send = async |proof: &str| {
        let request = site.request(Method::GET, "/api/profile?a=b");
        let request = request.header("authorization", format!("DPoP {token}"));
        request.header("dpop", proof).send().await.unwrap()
    };
    assert_problem(send(&proof).await, 401, "DPOP_PROOF_INVALID").await;
    let proof = program.proof(&Method::GET, &program.url("/api/profile"), Some(&token));
    assert_eq!(send(&proof).await.status(), 200, "the query does not count");
    assert_problem(send(&proof).await, 401, "DPOP_PROOF_INVALID").await;
}

#[tokio::test]
async fn refresh_and_logout_require_key() {
    let site = Site::with_user("ada").await;
    let mut program = Program::new(&site);
    let (_, refresh_token) = program.sign_in().await;
    let body = json!({"refresh_token": refresh_token});
    let stolen = site.post_json("/api/refresh", &body).await;
    let challenge = assert_problem(stolen, 401, "DPOP_PROOF_REQUIRED").await;
    assert!(challenge.starts_with("DPoP "), "{challenge}");
    let request = program.with_proof(Method::POST, "/api/refresh", None);
    let answer = request.json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let next: Value = answer.json().await.unwrap();
    assert_eq!(next["token_type"], "DPoP");

    let token = next["access_token"].as_str().unwrap();
    let stolen = site
        .request(Method::POST, "/api/logout")
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    assert_problem(stolen, 401, "DPOP_PROOF_REQUIRED").await;
    let answer = program.call(Method::POST, "/api/logout", token).await;
    assert_eq!(answer.status(), 204);
    let over = program.call(Method::GET, "/api/profile", token).await;
    assert_problem(over, 401, "LOGIN_ENDED").await;
}

#[tokio::test]
async fn invalid_proof_at_login_starts_no_login() {
    let site = Site::with_user("ada").await;
    let program = Program::new(&site);
    let body = json!({"username": "ada", "password": PASSWORD});
    let elsewhere = program.proof(&Method::POST, "https://evil.example/api/login", None);
    let request = site.request(Method::POST, "/api/login").json(&body);
    let refused = request.header("dpop", elsewhere).send().await.unwrap();
    assert_problem(refused, 401, "DPOP_PROOF_INVALID").await;
    let cookie = site.sign_in("ada").await;
    let logins: Value = site.get("/api/logins", &cookie).await.json().await.unwrap();
    assert_eq!(logins["logins"].as_array().unwrap().len(), 1, "{logins}");
}

#[tokio::test]
async fn forward_auth_accepts_proof_for_application_only() {
    let site = Site::start_behind_for(["127.0.0.0/8"], [APP]).await;
    site.add_user("ada").await;
    let mut program = Program::new(&site);
    let (token, _) = program.sign_in().await;
    let verify = async |proof: String, host: &str| {
        let request = site.request(Method::GET, "/auth/verify");
        let request = request
            .header("authorization", format!("DPoP {token}"))
            .header("x-forwarded-proto", "https")
            .header("x-forwarded-host", host)
            .header("x-original-method", "POST")
            .header("x-original-uri", "/orders?page=2");
        request.header("dpop", proof).send().await.unwrap()
    };
    let for_app =
        |origin: &str| program.proof(&Method::POST, &format!("{origin}/orders"), Some(&token));
    let passed = verify(for_app(APP), "app.example").await;
    assert_eq!(passed.status(), 200);
    assert_eq!(header(&passed, "x-auth-method"), "dpop");
    assert!(!header(&passed, "dpop-nonce").is_empty());

    // A proof for the attacker's own host is valid for no other host, and that host is not configured.
    let elsewhere = verify(for_app("https://evil.example"), "evil.example").await;
    assert_eq!(elsewhere.status(), 401);
    let wrong = verify(for_app("https://evil.example"), "app.example").await;
    assert_eq!(wrong.status(), 401);
    assert!(header(&wrong, "www-authenticate").contains("invalid_dpop_proof"));
    assert_eq!(header(&wrong, "x-auth-user"), "");
}

#[tokio::test]
async fn revoke_and_logout_require_key() {
    let site = Site::with_user("ada").await;
    let mut program = Program::new(&site);
    let (access, refresh) = program.sign_in().await;
    let revoke = async |request: RequestBuilder, token: &str| {
        let form = [("token", token), ("client_id", "first-party")];
        request.form(&form).send().await.unwrap()
    };
    let body = json!({"refresh_token": refresh});
    let (path, logout) = ("/oauth2/revoke", "/api/logout");
    for token in [&access, &refresh] {
        let bare = revoke(site.request(Method::POST, path), token).await;
        assert_eq!(bare.status(), 400);
        let error: Value = bare.json().await.unwrap();
        assert_eq!(error["error"], "invalid_dpop_proof");
    }
    let bare = site.post_json(logout, &body).await;
    assert_problem(bare, 401, "DPOP_PROOF_REQUIRED").await;
    let answer = program.call(Method::GET, "/api/profile", &access).await;
    assert_eq!(answer.status(), 200, "nothing has ended");
    program.store_nonce(&answer);

    let answer = revoke(program.with_proof(Method::POST, path, None), &access).await;
    assert_eq!(answer.status(), 200);
    let revoked = program.call(Method::GET, "/api/profile", &access).await;
    assert_problem(revoked, 401, "TOKEN_REVOKED").await;
    let request = program.with_proof(Method::POST, logout, None).json(&body);
    assert_eq!(request.send().await.unwrap().status(), 204);
    let refreshed = program.with_proof(Method::POST, "/api/refresh", None);
    let refreshed = refreshed.json(&body).send().await.unwrap();
    assert_problem(refreshed, 401, "LOGIN_ENDED").await;
}

#[tokio::test]
async fn expired_bound_token_signs_out_with_its_key_only() {
    let site = Site::with_user("ada").await;
    let mut program = Program::new(&site);
    let (access, refresh) = program.sign_in().await;
    site.clock.advance(std::time::Duration::from_mins(16));
    let bare = site.request(Method::POST, "/api/logout");
    let bare = bare.bearer_auth(&access).send().await.unwrap();
    assert_problem(bare, 401, "DPOP_PROOF_REQUIRED").await;
    let without_nonce = program.call(Method::POST, "/api/logout", &access).await;
    program.store_nonce(&without_nonce);
    assert_problem(without_nonce, 401, "DPOP_NONCE_REQUIRED").await;
    let answer = program.call(Method::POST, "/api/logout", &access).await;
    assert_eq!(answer.status(), 204);
    let refreshed = program.with_proof(Method::POST, "/api/refresh", None);
    let body = json!({"refresh_token": refresh});
    let refreshed = refreshed.json(&body).send().await.unwrap();
    assert_problem(refreshed, 401, "LOGIN_ENDED").await;
}
