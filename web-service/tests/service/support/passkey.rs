//! An authenticator and its browser.

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_core::random::Random as _;
use holdfast_crypto::random::SystemRandom;
use serde_json::{Value, json};

use super::auth_service::{ORIGIN, RP_ID};

/// Bits of the flags (WebAuthn §6.1): user present, user verified, backup eligible, backed up.
const FLAGS: u8 = 0x01 | 0x04 | 0x08 | 0x10;
/// Attested credential data included.
const AT: u8 = 0x40;

/// A synced passkey that verifies its user.
pub(crate) struct Passkey {
    key: Ed25519KeyPair,
    id: Vec<u8>,
    user_handle: Vec<u8>,
}

impl Passkey {
    /// A new one, and the response of the browser to the options of a registration.
    pub(crate) fn create(options: &Value) -> (Self, Value) {
        let mut id = vec![0; 32];
        SystemRandom.fill(&mut id);
        let passkey = Self {
            key: Ed25519KeyPair::generate().unwrap(),
            id,
            user_handle: URL_SAFE_NO_PAD
                .decode(options["user"]["id"].as_str().unwrap())
                .unwrap(),
        };
        let response = passkey.registration(options);
        (passkey, response)
    }

    fn registration(&self, options: &Value) -> Value {
        let length = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        // A `COSE_Key` of Ed25519.
        let head = [0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32];
        let public_key = self.key.public_key().as_ref();
        let data = [
            authenticator_data(AT).as_slice(),
            &[0xaa; 16],
            &length,
            &self.id,
            &head,
            public_key,
        ]
        .concat();
        let size = u8::try_from(data.len()).unwrap();
        let object = [
            b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".as_slice(),
            &[size],
            &data,
        ]
        .concat();
        self.response(&json!({
            "clientDataJSON": encode(client_data("webauthn.create", options)),
            "attestationObject": encode(object),
            "transports": ["internal"],
        }))
    }

    /// The response of the browser to the options of an authentication.
    pub(crate) fn answer(&self, options: &Value) -> Value {
        let client_data = client_data("webauthn.get", options);
        let data = authenticator_data(0);
        let hash = digest(&SHA256, client_data.as_bytes());
        let signature = self.key.sign(&[&data, hash.as_ref()].concat());
        self.response(&json!({
            "clientDataJSON": encode(client_data),
            "authenticatorData": encode(data),
            "signature": encode(signature),
            "userHandle": encode(&self.user_handle),
        }))
    }

    fn response(&self, response: &Value) -> Value {
        json!({
            "id": encode(&self.id),
            "rawId": encode(&self.id),
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
        })
    }
}

fn authenticator_data(flags: u8) -> Vec<u8> {
    let hash = digest(&SHA256, RP_ID.as_bytes());
    // The signature counter is not used.
    [hash.as_ref(), &[FLAGS | flags], &[0; 4]].concat()
}

fn client_data(ceremony: &str, options: &Value) -> String {
    json!({
        "type": ceremony,
        "challenge": options["challenge"],
        "origin": ORIGIN,
        "crossOrigin": false,
    })
    .to_string()
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
