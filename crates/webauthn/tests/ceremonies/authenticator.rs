//! An authenticator with its browser, whose responses tests change before they are sent.

use std::rc::Rc;

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
        RSA_PKCS1_SHA256,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_webauthn::{Algorithm, AuthenticationResponse, RegistrationResponse};
use serde_json::{Value, json};

use crate::{ORIGIN, RP_ID};

// Bits of the flags.
pub(crate) const UP: u8 = 0x01;
pub(crate) const UV: u8 = 0x04;
pub(crate) const BE: u8 = 0x08;
pub(crate) const BS: u8 = 0x10;
pub(crate) const AT: u8 = 0x40;
pub(crate) const ED: u8 = 0x80;

/// A private key of a credential.
pub(crate) enum Key {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(Box<RsaKeyPair>),
}

impl Key {
    pub(crate) fn generate(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Es256 => {
                Self::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
            }
            Algorithm::EdDsa => Self::EdDsa(Ed25519KeyPair::generate().unwrap()),
            Algorithm::Rs256 => {
                Self::Rs256(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()))
            }
        }
    }

    pub(crate) fn cose(&self) -> Vec<u8> {
        match self {
            Self::Es256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                let head = [0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32];
                [&head, x, &[0x22, 0x58, 32], y].concat()
            }
            Self::EdDsa(pair) => {
                let head = [0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32];
                [&head, pair.public_key().as_ref()].concat()
            }
            Self::Rs256(pair) => {
                // RFC 8017 §A.1.1: after the heads of a sequence and an integer, and a zero.
                let modulus = &pair.public_key().as_ref()[9..265];
                let head = [0xa4, 1, 3, 3, 0x39, 1, 0, 0x20, 0x59, 1, 0];
                [&head, modulus, &[0x21, 0x43, 1, 0, 1]].concat()
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Es256(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::EdDsa(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .unwrap();
                signature
            }
        }
    }
}

/// Authenticator data before they are encoded.
#[derive(Clone)]
pub(crate) struct Data {
    pub(crate) rp_id: String,
    pub(crate) flags: u8,
    pub(crate) sign_count: u32,
    /// Everything after the counter.
    pub(crate) rest: Vec<u8>,
}

impl Data {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let hash = digest(&SHA256, self.rp_id.as_bytes());
        let count = self.sign_count.to_be_bytes();
        [hash.as_ref(), &[self.flags], &count, &self.rest].concat()
    }
}

/// A response to creation options, before it is sent.
#[derive(Clone)]
pub(crate) struct Created {
    pub(crate) client_data: Value,
    pub(crate) data: Data,
    pub(crate) format: &'static str,
    pub(crate) statement: Vec<u8>,
    pub(crate) id: Vec<u8>,
    pub(crate) extra: Value,
}

impl Created {
    pub(crate) fn attestation_object(&self) -> Vec<u8> {
        let format = [&text("fmt"), text(self.format).as_slice()].concat();
        let statement = [&text("attStmt"), self.statement.as_slice()].concat();
        let data = [text("authData"), bytes(&self.data.encode())].concat();
        [&[0xa3], format.as_slice(), &statement, &data].concat()
    }

    pub(crate) fn json(&self) -> String {
        let mut json = json!({
            "id": encode(&self.id),
            "rawId": encode(&self.id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "response": {
                "clientDataJSON": encode(self.client_data.to_string()),
                "attestationObject": encode(self.attestation_object()),
                "transports": ["internal", "hybrid"],
            },
            "clientExtensionResults": {"credProps": {"rk": true}},
        });
        merge(&mut json, &self.extra);
        json.to_string()
    }

    pub(crate) fn response(&self) -> RegistrationResponse {
        RegistrationResponse::from_json(&self.json()).unwrap()
    }
}

/// A response to request options, before it is signed and sent.
pub(crate) struct Asserted {
    key: Rc<Key>,
    pub(crate) client_data: Value,
    pub(crate) data: Data,
    pub(crate) id: Vec<u8>,
    pub(crate) user_handle: Option<Vec<u8>>,
    /// What the signature covers in place of the data that are sent.
    pub(crate) signed: Option<Vec<u8>>,
    pub(crate) extra: Value,
}

impl Asserted {
    pub(crate) fn json(&self) -> String {
        let client_data = self.client_data.to_string();
        let data = self.data.encode();
        let hash = digest(&SHA256, client_data.as_bytes());
        let message = [&data, hash.as_ref()].concat();
        let signature = self.key.sign(self.signed.as_ref().unwrap_or(&message));
        let mut json = json!({
            "id": encode(&self.id),
            "rawId": encode(&self.id),
            "type": "public-key",
            "response": {
                "clientDataJSON": encode(client_data),
                "authenticatorData": encode(data),
                "signature": encode(signature),
                "userHandle": self.user_handle.as_ref().map(encode),
            },
            "clientExtensionResults": {},
        });
        merge(&mut json, &self.extra);
        json.to_string()
    }

    pub(crate) fn response(&self) -> AuthenticationResponse {
        AuthenticationResponse::from_json(&self.json()).unwrap()
    }
}

/// An authenticator with one credential.
pub(crate) struct Authenticator {
    pub(crate) key: Rc<Key>,
    pub(crate) id: Vec<u8>,
}

impl Authenticator {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        Self {
            key: Rc::new(Key::generate(algorithm)),
            id: vec![9; 32],
        }
    }

    pub(crate) fn create(&self) -> Created {
        Created {
            client_data: client_data("webauthn.create"),
            data: Data {
                rp_id: RP_ID.to_owned(),
                flags: UP | UV | BE | BS | AT,
                sign_count: 0,
                rest: attested(&self.id, &self.key.cose()),
            },
            format: "none",
            statement: vec![0xa0],
            id: self.id.clone(),
            extra: Value::Null,
        }
    }

    pub(crate) fn assert(&self) -> Asserted {
        Asserted {
            key: Rc::clone(&self.key),
            client_data: client_data("webauthn.get"),
            data: Data {
                rp_id: RP_ID.to_owned(),
                flags: UP | UV | BE | BS,
                sign_count: 0,
                rest: Vec::new(),
            },
            id: self.id.clone(),
            user_handle: Some(vec![1; 16]),
            signed: None,
            extra: Value::Null,
        }
    }
}

/// Attested credential data.
pub(crate) fn attested(id: &[u8], cose: &[u8]) -> Vec<u8> {
    let length = u16::try_from(id.len()).unwrap().to_be_bytes();
    [[0xaa; 16].as_slice(), &length, id, cose].concat()
}

fn client_data(ceremony: &str) -> Value {
    json!({
        "type": ceremony,
        "challenge": encode([7; 32]),
        "origin": ORIGIN,
        "crossOrigin": false,
        "other_keys_can_be_added_here": "do not compare clientDataJSON against a template",
    })
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A text string in CBOR, of fewer than 24 bytes.
pub(crate) fn text(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    assert!(length < 24);
    [&[0x60 | length], text.as_bytes()].concat()
}

/// A byte string in CBOR.
pub(crate) fn bytes(bytes: &[u8]) -> Vec<u8> {
    let head = match u16::try_from(bytes.len()).unwrap() {
        length @ 0..=23 => vec![0x40 | u8::try_from(length).unwrap()],
        length @ 24..=0xff => vec![0x58, u8::try_from(length).unwrap()],
        length => [&[0x59], length.to_be_bytes().as_slice()].concat(),
    };
    [&head, bytes].concat()
}

/// Replaces members of `json` by those of `extra`, at every depth.
fn merge(json: &mut Value, extra: &Value) {
    match (json, extra) {
        (Value::Object(json), Value::Object(extra)) => {
            for (name, value) in extra {
                merge(json.entry(name).or_insert(Value::Null), value);
            }
        }
        (_, Value::Null) => {}
        (json, extra) => *json = extra.clone(),
    }
}
