//! Tokens that are bound to a key (RFC 9449).

use auth_proto::v1::{
    ClientCredentials, ClientProofKind, CreateClientRequest, DpopProof, IntrospectTokenRequest,
    IssueTokenRequest, IssueTokenResponse, ListLoginsRequest, RevokeTokenRequest,
    ValidateTokenRequest, ValidateTokenResponse, client_credentials::Proof as ClientProof,
    issue_token_request::Grant,
};
use auth_service::domain::authority::Dpop;
use aws_lc_rs::{
    digest,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair,
        Ed25519KeyPair, KeyPair as _,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use service_kit::system::Clock as _;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use crate::support::{
    ISSUER, TestService, assert_refused, bearer, for_browser_use, from_web_service, seconds,
    with_metadata, with_refresh, with_ticket,
};

const HERE: &str = "https://api.example/orders";

/// A client with a key of its own.
enum Key {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Key {
    fn p256() -> Self {
        Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::P256(pair) => {
                let point = pair.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..])})
            }
            Self::Ed25519(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref())})
            }
        }
    }

    fn header(&self) -> Value {
        let algorithm = match self {
            Self::P256(_) => "ES256",
            Self::Ed25519(_) => "EdDSA",
        };
        json!({"typ": "dpop+jwt", "alg": algorithm, "jwk": self.jwk()})
    }

    fn sign(&self, header: &Value, payload: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(payload));
        let signature = match self {
            Self::P256(pair) => {
                let signed = pair.sign(&SystemRandom::new(), message.as_bytes());
                signed.unwrap().as_ref().to_vec()
            }
            Self::Ed25519(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn proof(&self, payload: &Value) -> String {
        self.sign(&self.header(), payload)
    }
}

fn token_hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, token.as_bytes()))
}

fn fresh_id() -> String {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What a proof for `GET` of [`HERE`] says, with this token.
fn said(service: &TestService, token: &str, nonce: &str) -> Value {
    json!({
        "jti": fresh_id(),
        "htm": "GET",
        "htu": HERE,
        "iat": service.clock.now().unix_timestamp(),
        "ath": token_hash(token),
        "nonce": nonce,
    })
}

/// What a proof for a direct call of `IssueToken` says.
fn said_at_issue(service: &TestService, nonce: Option<&str>) -> Value {
    let mut said = json!({
        "jti": fresh_id(),
        "htm": "POST",
        "htu": format!("{ISSUER}/auth.v1.AuthService/IssueToken"),
        "iat": service.clock.now().unix_timestamp(),
    });
    if let Some(nonce) = nonce {
        said["nonce"] = nonce.into();
    }
    said
}

fn with_proof(request: IssueTokenRequest, jwt: String) -> IssueTokenRequest {
    IssueTokenRequest {
        dpop: Some(DpopProof {
            jwt,
            ..Default::default()
        }),
        ..request
    }
}

/// Signs in and has tokens that are bound to `key`.
async fn bound(service: &TestService, key: &Key) -> IssueTokenResponse {
    let ticket = service.login("ada").await.login_ticket;
    let jwt = key.proof(&said_at_issue(service, None));
    let request = with_proof(with_ticket(&ticket, "profile account"), jwt);
    let issued = service.try_issue(request).await.unwrap();
    assert_eq!(issued.token_type, "DPoP");
    assert!(!issued.dpop_nonce.is_empty());
    issued
}

fn validation(token: &str, jwt: String) -> ValidateTokenRequest {
    ValidateTokenRequest {
        access_token: token.to_owned(),
        dpop: Some(DpopProof {
            jwt,
            http_method: "GET".to_owned(),
            http_uri: format!("{HERE}?page=2"),
        }),
        ..Default::default()
    }
}

async fn validate(
    service: &TestService,
    request: ValidateTokenRequest,
) -> Result<ValidateTokenResponse, Status> {
    Ok(service.auth().validate_token(request).await?.into_inner())
}

fn assert_status(refused: &Status, code: Code, reason: &str) {
    assert_refused::<()>(Err(refused.clone()), code, reason);
}

/// The nonce that a refusal carries.
fn nonce_of(status: &Status) -> String {
    let details = status.get_error_details();
    details.error_info().unwrap().metadata["dpop_nonce"].clone()
}

async fn service() -> TestService {
    service_with(Dpop::Allow).await
}

async fn service_with(dpop: Dpop) -> TestService {
    let service = TestService::start_with(|config| config.policy.dpop = dpop).await;
    service.add_user("ada", false).await;
    service
}

#[tokio::test]
async fn a_bound_token_is_good_with_a_proof_of_its_key_and_says_which_one() {
    let service = service().await;
    for key in [
        Key::p256(),
        Key::Ed25519(Ed25519KeyPair::generate().unwrap()),
    ] {
        let issued = bound(&service, &key).await;
        let token = issued.access_token;
        let jwt = key.proof(&said(&service, &token, &issued.dpop_nonce));
        let answer = validate(&service, validation(&token, jwt)).await.unwrap();
        assert_eq!(answer.claims.unwrap().jkt.len(), 43);
        assert_eq!(answer.dpop_nonce, issued.dpop_nonce);
    }
}

#[tokio::test]
async fn a_bound_token_is_of_no_use_to_its_bearer_and_a_proof_of_none_with_another() {
    let service = service().await;
    let key = Key::p256();
    let issued = bound(&service, &key).await;
    let refused = service.try_validate(&issued.access_token).await;
    assert_status(
        &refused.unwrap_err(),
        Code::Unauthenticated,
        "DPOP_PROOF_REQUIRED",
    );

    let plain = service.tokens("ada", "profile").await;
    let jwt = key.proof(&said(&service, &plain.access_token, &issued.dpop_nonce));
    let refused = validate(&service, validation(&plain.access_token, jwt)).await;
    assert_status(
        &refused.unwrap_err(),
        Code::Unauthenticated,
        "TOKEN_NOT_BOUND",
    );
    assert_eq!(plain.token_type, "Bearer");
    assert_eq!(plain.dpop_nonce, "");
}

/// Checks 2 to 12 of RFC 9449 §4.3; check 1 is about headers, which are web-service's.
#[tokio::test]
async fn each_check_has_its_failing_case() {
    let service = service().await;
    let key = Key::p256();
    let issued = bound(&service, &key).await;
    let (token, nonce) = (issued.access_token.as_str(), issued.dpop_nonce.as_str());
    let good = || said(&service, token, nonce);
    let with = |name: &str, value: Value| {
        let mut said = good();
        said[name] = value;
        said
    };
    let without = |name: &str| {
        let mut said = good();
        said.as_object_mut().unwrap().remove(name);
        said
    };
    let under = |name: &str, value: Value| {
        let mut header = key.header();
        header[name] = value;
        key.sign(&header, &good())
    };
    let now = service.clock.now().unix_timestamp();
    let der = Key::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap());
    let jwt = key.proof(&good());
    let (message, _) = jwt.rsplit_once('.').unwrap();
    let mut private = key.jwk();
    private["d"] = json!("AAAA");
    let mut keyless = key.header();
    keyless.as_object_mut().unwrap().remove("jwk");
    let cases = [
        ("2: no JWT", "junk".to_owned()),
        ("2: two", format!("{jwt}.{jwt}")),
        ("3: jti", key.proof(&without("jti"))),
        ("3: htm", key.proof(&without("htm"))),
        ("3: htu", key.proof(&without("htu"))),
        ("3: iat", key.proof(&without("iat"))),
        ("3: ath", key.proof(&without("ath"))),
        ("4: typ", under("typ", json!("JWT"))),
        ("4: another kind", under("typ", json!("dbsc+jwt"))),
        ("5: none", under("alg", json!("none"))),
        ("5: symmetric", under("alg", json!("HS256"))),
        ("5: not the key's", under("alg", json!("EdDSA"))),
        ("5: crit", under("crit", json!(["b64"]))),
        ("6: no key", key.sign(&keyless, &good())),
        ("6: no signature", format!("{message}.")),
        (
            "6: another's signature",
            Key::p256().sign(&key.header(), &good()),
        ),
        ("6: in DER", der.proof(&good())),
        ("7: a private key", under("jwk", private)),
        ("8: htm", key.proof(&with("htm", json!("POST")))),
        (
            "9: htu",
            key.proof(&with("htu", json!("https://api.example/other"))),
        ),
        (
            "9: another host",
            key.proof(&with("htu", json!("https://evil.example/orders"))),
        ),
        ("11: too old", key.proof(&with("iat", json!(now - 90)))),
        (
            "11: of the future",
            key.proof(&with("iat", json!(now + 31))),
        ),
        ("11: no time", key.proof(&with("iat", json!("now")))),
        (
            "12: of another token",
            key.proof(&with("ath", json!(token_hash("x")))),
        ),
        ("12: with another key", Key::p256().proof(&good())),
    ];
    for (what, jwt) in cases {
        let refused = validate(&service, validation(token, jwt)).await;
        let refused = refused.expect_err(what);
        assert_status(&refused, Code::Unauthenticated, "DPOP_PROOF_INVALID");
        assert_eq!(nonce_of(&refused), nonce, "{what}");
    }
    for (what, said) in [
        ("10: no nonce", without("nonce")),
        (
            "10: another nonce",
            with("nonce", json!("AAAAAAAAAAAAAAAAAAAAAA")),
        ),
    ] {
        let refused = validate(&service, validation(token, key.proof(&said))).await;
        let refused = refused.expect_err(what);
        assert_status(&refused, Code::Unauthenticated, "DPOP_NONCE_REQUIRED");
        let jwt = key.proof(&with("nonce", nonce_of(&refused).into()));
        validate(&service, validation(token, jwt)).await.unwrap();
    }
}

#[tokio::test]
async fn spelling_and_clocks_may_differ_a_little() {
    let service = service().await;
    let key = Key::p256();
    let issued = bound(&service, &key).await;
    let (token, nonce) = (issued.access_token.as_str(), issued.dpop_nonce.as_str());
    let with = |name: &str, value: Value| {
        let mut said = said(&service, token, nonce);
        said[name] = value;
        said
    };
    let now = service.clock.now().unix_timestamp();
    let same = [
        with("htu", json!(format!("{HERE}#fragment"))),
        with("htu", json!("HTTPS://API.example:443/orders?x")),
        with("iat", json!(now - 89)),
        with("iat", json!(now + 30)),
        with("unknown", json!(1)),
    ];
    for said in same {
        let answer = validate(&service, validation(token, key.proof(&said))).await;
        assert!(answer.is_ok(), "{said}");
    }
}

#[tokio::test]
async fn a_proof_is_good_once_and_a_nonce_for_some_minutes() {
    let service = service().await;
    let key = Key::p256();
    let issued = bound(&service, &key).await;
    let token = issued.access_token.as_str();
    let jwt = key.proof(&said(&service, token, &issued.dpop_nonce));
    validate(&service, validation(token, jwt.clone()))
        .await
        .unwrap();
    let again = validate(&service, validation(token, jwt))
        .await
        .unwrap_err();
    assert_status(&again, Code::Unauthenticated, "DPOP_PROOF_INVALID");

    service.clock.advance(seconds(240));
    let old = key.proof(&said(&service, token, &issued.dpop_nonce));
    let refused = validate(&service, validation(token, old))
        .await
        .unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "DPOP_NONCE_REQUIRED");
    assert_ne!(nonce_of(&refused), issued.dpop_nonce);
}

#[tokio::test]
async fn a_restart_makes_no_proof_good_again() {
    let service = service().await;
    let key = Key::p256();
    let issued = bound(&service, &key).await;
    let token = issued.access_token.as_str();
    let jwt = key.proof(&said(&service, token, &issued.dpop_nonce));
    validate(&service, validation(token, jwt.clone()))
        .await
        .unwrap();
    let service = service.restart().await;
    let replayed = validate(&service, validation(token, jwt))
        .await
        .unwrap_err();
    assert_status(&replayed, Code::Unauthenticated, "DPOP_NONCE_REQUIRED");
    let jwt = key.proof(&said(&service, token, &nonce_of(&replayed)));
    validate(&service, validation(token, jwt)).await.unwrap();
}

#[tokio::test]
async fn refresh_tokens_of_a_bound_login_are_bound_to_the_same_key() {
    let service = service().await;
    let key = Key::p256();
    let issued = bound(&service, &key).await;
    let refresh = |jwt| with_proof(with_refresh(&issued.refresh_token), jwt);

    let stolen = service
        .try_refresh(&issued.refresh_token)
        .await
        .unwrap_err();
    assert_status(&stolen, Code::Unauthenticated, "DPOP_PROOF_REQUIRED");
    let nonce = issued.dpop_nonce.as_str();
    let others = Key::p256().proof(&said_at_issue(&service, Some(nonce)));
    let refused = service.try_issue(refresh(others)).await.unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "DPOP_PROOF_INVALID");
    let without = key.proof(&said_at_issue(&service, None));
    let refused = service.try_issue(refresh(without)).await.unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "DPOP_NONCE_REQUIRED");

    let jwt = key.proof(&said_at_issue(&service, Some(nonce)));
    let next = service.try_issue(refresh(jwt)).await.unwrap();
    assert_eq!(next.token_type, "DPoP");
    // A thief of the used-up one cannot even end the login with it.
    service.clock.advance(seconds(11));
    let used_up = service
        .try_refresh(&issued.refresh_token)
        .await
        .unwrap_err();
    assert_status(&used_up, Code::Unauthenticated, "DPOP_PROOF_REQUIRED");
    let jwt = key.proof(&said_at_issue(&service, Some(nonce)));
    let request = with_proof(with_refresh(&next.refresh_token), jwt);
    service.try_issue(request).await.unwrap();
}

#[tokio::test]
async fn a_login_that_was_not_bound_stays_so_and_a_thief_is_found_out_though_they_prove_a_key() {
    let service = service().await;
    let key = Key::p256();
    let nonce = bound(&service, &key).await.dpop_nonce;
    let plain = service.tokens("ada", "profile").await;
    let jwt = key.proof(&said_at_issue(&service, Some(&nonce)));
    let request = with_proof(with_refresh(&plain.refresh_token), jwt);
    let next = service.try_issue(request).await.unwrap();
    assert_eq!(next.token_type, "DPoP", "the access token is bound");
    let next = service.try_refresh(&next.refresh_token).await.unwrap();
    assert_eq!(next.token_type, "Bearer");

    service.clock.advance(seconds(11));
    let reused = service.try_refresh(&plain.refresh_token).await.unwrap_err();
    assert_status(&reused, Code::Unauthenticated, "REFRESH_REUSED");
    let ended = service.try_refresh(&next.refresh_token).await.unwrap_err();
    assert_status(&ended, Code::Unauthenticated, "LOGIN_ENDED");
}

#[tokio::test]
async fn where_it_is_required_nothing_else_is_issued_but_to_web_service() {
    let service = service_with(Dpop::Require).await;
    let key = Key::p256();
    let ticket = service.login("ada").await.login_ticket;
    let refused = service.try_exchange(&ticket, "profile").await.unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "DPOP_PROOF_REQUIRED");
    bound(&service, &key).await;

    let login = from_web_service(crate::support::browser_login());
    let login = service.auth().login(login).await.unwrap().into_inner();
    let request = for_browser_use(with_ticket(&login.login_ticket, "profile"));
    let issued = service.try_issue(from_web_service(request)).await.unwrap();
    assert_eq!(issued.token_type, "Bearer");
}

#[tokio::test]
async fn where_it_is_off_proofs_bind_nothing() {
    let service = service_with(Dpop::Off).await;
    let ticket = service.login("ada").await.login_ticket;
    let jwt = Key::p256().proof(&said_at_issue(&service, None));
    let request = with_proof(with_ticket(&ticket, "profile"), jwt);
    let issued = service.try_issue(request).await.unwrap();
    assert_eq!(issued.token_type, "Bearer");
    service.try_validate(&issued.access_token).await.unwrap();
    service.try_refresh(&issued.refresh_token).await.unwrap();
}

#[tokio::test]
async fn only_web_service_states_what_a_proof_was_sent_with() {
    let service = service().await;
    let key = Key::p256();
    let elsewhere = json!({
        "jti": fresh_id(),
        "htm": "POST",
        "htu": "https://id.example/api/login",
        "iat": service.clock.now().unix_timestamp(),
    });
    let request = |ticket: &str| IssueTokenRequest {
        dpop: Some(DpopProof {
            jwt: key.proof(&elsewhere),
            http_method: "POST".to_owned(),
            http_uri: "https://id.example/api/login".to_owned(),
        }),
        ..with_ticket(ticket, "profile")
    };
    let ticket = service.login("ada").await.login_ticket;
    let refused = service.try_issue(request(&ticket)).await.unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "DPOP_PROOF_INVALID");
    let stated = from_web_service(request(&ticket));
    assert_eq!(service.try_issue(stated).await.unwrap().token_type, "DPoP");
}

#[tokio::test]
async fn the_account_takes_a_bound_token_with_a_proof_for_the_call() {
    let service = service().await;
    let key = Key::p256();
    let issued = bound(&service, &key).await;
    let token = issued.access_token.as_str();
    let call = |path: &str| {
        let mut said = said(&service, token, &issued.dpop_nonce);
        said["htm"] = "POST".into();
        said["htu"] = format!("{ISSUER}{path}").into();
        let mut request: Request<_> = with_metadata(
            ListLoginsRequest {},
            "authorization",
            &format!("DPoP {token}"),
        );
        let jwt = key.proof(&said).parse().unwrap();
        request.metadata_mut().insert("dpop", jwt);
        request
    };
    let own = "/auth.v1.AccountService/ListLogins";
    let logins = service.account().list_logins(call(own)).await.unwrap();
    assert_eq!(logins.into_inner().logins.len(), 1);
    let other = "/auth.v1.AccountService/GetAccount";
    let refused = service
        .account()
        .list_logins(call(other))
        .await
        .unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "DPOP_PROOF_INVALID");
    let as_bearer = bearer(ListLoginsRequest {}, token);
    let refused = service.account().list_logins(as_bearer).await.unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "DPOP_PROOF_REQUIRED");
    let bare = with_metadata(
        ListLoginsRequest {},
        "authorization",
        &format!("DPoP {token}"),
    );
    let refused = service.account().list_logins(bare).await.unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "DPOP_PROOF_INVALID");
}

#[tokio::test]
async fn a_thief_of_a_bound_token_does_not_sign_its_owner_out() {
    let service = service().await;
    let issued = bound(&service, &Key::p256()).await;
    let request = RevokeTokenRequest {
        token: issued.access_token,
        end_login: true,
        ..Default::default()
    };
    let refused = service.auth().revoke_token(request).await.unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "DPOP_PROOF_REQUIRED");
}

#[tokio::test]
async fn a_clients_own_tokens_are_bound_where_it_proves_a_key_and_where_it_must() {
    let service = service().await;
    let admin = service.admin_token().await;
    let create = async |id: &str, dpop_required, introspection_only| {
        let request = CreateClientRequest {
            client_id: id.to_owned(),
            proof_kind: ClientProofKind::Secret.into(),
            scope: "orders:read".to_owned(),
            dpop_required,
            introspection_only,
            ..Default::default()
        };
        let created = service.admin().create_client(bearer(request, &admin)).await;
        created.unwrap().into_inner()
    };
    let credentials = |id: &str, secret: &str| ClientCredentials {
        client_id: id.to_owned(),
        proof: Some(ClientProof::ClientSecret(secret.to_owned())),
    };
    let ask = |id: &str, secret: &str| IssueTokenRequest {
        grant: Some(Grant::ClientCredentials(credentials(id, secret))),
        ..Default::default()
    };
    let must = create("must", true, false).await;
    assert!(must.client.unwrap().dpop_required);
    let refused = service
        .try_issue(ask("must", &must.client_secret))
        .await
        .unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "DPOP_PROOF_REQUIRED");
    let key = Key::p256();
    let jwt = key.proof(&said_at_issue(&service, Some(&nonce_of(&refused))));
    let stranger = with_proof(ask("must", "a guess"), jwt.clone());
    let refused = service.try_issue(stranger).await.unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "INVALID_CLIENT");
    let request = with_proof(ask("must", &must.client_secret), jwt.clone());
    let issued = service.try_issue(request).await;
    let issued = issued.expect("what a stranger shows is not remembered");
    assert_eq!(issued.token_type, "DPoP");
    let again = with_proof(ask("must", &must.client_secret), jwt);
    let refused = service.try_issue(again).await.unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "DPOP_PROOF_INVALID");

    let only_asks = create("resource", false, true).await;
    assert!(only_asks.client.unwrap().grant_types.is_empty());
    let refused = service
        .try_issue(ask("resource", &only_asks.client_secret))
        .await;
    assert_status(
        &refused.unwrap_err(),
        Code::PermissionDenied,
        "UNAUTHORIZED_CLIENT",
    );
    let told = IntrospectTokenRequest {
        token: issued.access_token,
        client_credentials: Some(credentials("resource", &only_asks.client_secret)),
    };
    let told = service
        .auth()
        .introspect_token(told)
        .await
        .unwrap()
        .into_inner();
    assert!(told.active);
    assert_eq!(told.claims.unwrap().jkt.len(), 43);
}
