//! Tokens that are bound to a key (RFC 9449).

mod bound_token;
mod client_token;
mod issue_token;
mod proof;
mod revoke_token;

use auth_proto::v1::{
    DpopProof, IssueTokenRequest, IssueTokenResponse, ValidateTokenRequest, ValidateTokenResponse,
};
use aws_lc_rs::{
    digest,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_core::clock::Clock as _;
use holdfast_identity::oauth::DpopPolicy;
use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::{ISSUER, TestService, assert_refused, with_ticket};

const RESOURCE: &str = "https://api.example/orders";

/// The key of a program.
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

/// The claims of a proof for `GET` of [`RESOURCE`] with this token.
fn validation_claims(service: &TestService, token: &str, nonce: &str) -> Value {
    json!({
        "jti": fresh_id(),
        "htm": "GET",
        "htu": RESOURCE,
        "iat": service.clock.now().unix_timestamp(),
        "ath": token_hash(token),
        "nonce": nonce,
    })
}

/// The claims of a proof for a direct call of `IssueToken`.
fn issue_claims(service: &TestService, nonce: Option<&str>) -> Value {
    let mut claims = json!({
        "jti": fresh_id(),
        "htm": "POST",
        "htu": format!("{ISSUER}/auth.v1.AuthService/IssueToken"),
        "iat": service.clock.now().unix_timestamp(),
    });
    if let Some(nonce) = nonce {
        claims["nonce"] = nonce.into();
    }
    claims
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

/// Signs in; returns tokens that are bound to `key`.
async fn bound_tokens(service: &TestService, key: &Key) -> IssueTokenResponse {
    let ticket = service.login("ada").await.login_ticket;
    let jwt = key.proof(&issue_claims(service, None));
    let request = with_proof(with_ticket(&ticket, "profile account"), jwt);
    let issued = service.try_issue(request).await.unwrap();
    assert_eq!(issued.token_type, "DPoP");
    assert!(!issued.dpop_nonce.is_empty());
    issued
}

fn validate_request(token: &str, jwt: String) -> ValidateTokenRequest {
    ValidateTokenRequest {
        access_token: token.to_owned(),
        dpop: Some(DpopProof {
            jwt,
            http_method: "GET".to_owned(),
            http_uri: format!("{RESOURCE}?page=2"),
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

/// The nonce in the error details of a refusal.
fn nonce_of(status: &Status) -> String {
    let details = status.get_error_details();
    details.error_info().unwrap().metadata["dpop_nonce"].clone()
}

async fn service() -> TestService {
    service_with(DpopPolicy::Allow).await
}

async fn service_with(dpop: DpopPolicy) -> TestService {
    let service = TestService::start_with(|config| config.policy.dpop = dpop).await;
    service.add_user("ada", false).await;
    service
}
