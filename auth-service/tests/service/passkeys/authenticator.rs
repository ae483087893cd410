//! An authenticator with its browser: one passkey, whose flags and counter a test sets.

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_core::random::Random as _;
use holdfast_crypto::random::SystemRandom;
use serde_json::{Value, json};

use crate::support::ISSUER;

const RP_ID: &str = "id.example";

// Bits of the flags (WebAuthn §6.1).
const UP: u8 = 0x01;
pub(crate) const UV: u8 = 0x04;
pub(crate) const BE: u8 = 0x08;
pub(crate) const BS: u8 = 0x10;
const AT: u8 = 0x40;

/// A passkey.
pub(crate) struct Passkey {
    key: Ed25519KeyPair,
    id: Vec<u8>,
    user_handle: Vec<u8>,
    /// Besides the presence of the user.
    pub(crate) flags: u8,
    pub(crate) sign_count: u32,
    pub(crate) origin: String,
}

impl Passkey {
    /// A new one, synced and with user verification, for the options of a registration.
    pub(crate) fn create(options: &str) -> (Self, String) {
        Self::create_with(options, UV | BE | BS)
    }

    /// A new one with these flags, and the response of the browser.
    pub(crate) fn create_with(options: &str, flags: u8) -> (Self, String) {
        let options: Value = serde_json::from_str(options).unwrap();
        let mut id = vec![0; 32];
        SystemRandom.fill(&mut id);
        let passkey = Self {
            key: Ed25519KeyPair::generate().unwrap(),
            id,
            user_handle: decode(&options["user"]["id"]),
            flags,
            sign_count: 0,
            origin: ISSUER.to_owned(),
        };
        let response = passkey.registration(&options);
        (passkey, response)
    }

    /// The response of the browser to the options of a registration.
    fn registration(&self, options: &Value) -> String {
        let length = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        // A `COSE_Key` of Ed25519.
        let head = [0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32];
        let public_key = self.key.public_key().as_ref();
        let data = [
            self.data(AT).as_slice(),
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
            "clientDataJSON": encode(self.client_data("webauthn.create", options)),
            "attestationObject": encode(object),
            "transports": ["internal"],
        }))
    }

    /// The response of a browser that registers the same passkey for other options.
    pub(crate) fn register_again(&self, options: &str) -> String {
        self.registration(&serde_json::from_str(options).unwrap())
    }

    /// The response of the browser to the options of an authentication.
    pub(crate) fn answer(&self, options: &str) -> String {
        let options: Value = serde_json::from_str(options).unwrap();
        let client_data = self.client_data("webauthn.get", &options);
        let data = self.data(0);
        let hash = digest(&SHA256, client_data.as_bytes());
        let signature = self.key.sign(&[&data, hash.as_ref()].concat());
        self.response(&json!({
            "clientDataJSON": encode(client_data),
            "authenticatorData": encode(data),
            "signature": encode(signature),
            "userHandle": encode(&self.user_handle),
        }))
    }

    /// The credential ID, as options state it.
    pub(crate) fn id(&self) -> String {
        encode(&self.id)
    }

    fn response(&self, response: &Value) -> String {
        json!({
            "id": self.id(),
            "rawId": self.id(),
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
        })
        .to_string()
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        let hash = digest(&SHA256, RP_ID.as_bytes());
        let count = self.sign_count.to_be_bytes();
        [hash.as_ref(), &[UP | flags | self.flags], &count].concat()
    }

    fn client_data(&self, ceremony: &str, options: &Value) -> String {
        json!({
            "type": ceremony,
            "challenge": options["challenge"],
            "origin": self.origin,
            "crossOrigin": false,
        })
        .to_string()
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.as_str().unwrap()).unwrap()
}
