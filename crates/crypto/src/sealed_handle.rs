//! State that callers keep, sealed with AES-256-GCM: texts with a prefix that people and secret scanners recognize.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::SecretBox;
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::seal::Sealer;

/// Length of the hour before the sealed content, in bytes.
const HOUR: usize = 8;

/// The key of sealed texts, which all instances share. Each hour has a key that is derived from it: anyone may have texts made, and the nonces
/// of one key are random (NIST SP 800-38D §8.3).
pub(super) struct HandleSealer(hmac::Key);

/// A kind of text.
pub(super) struct HandleKind {
    /// The prefix.
    pub(super) prefix: &'static str,
    /// What the seal is bound to.
    pub(super) place: &'static str,
    /// Maximum length without the prefix, in bytes.
    pub(super) max_length: usize,
}

impl HandleSealer {
    /// The key from 32 random bytes.
    pub(super) fn new(bytes: &Zeroizing<Vec<u8>>) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The key of content that expires in this hour, counted since 1970.
    fn of_hour(&self, hour: [u8; HOUR]) -> Option<Sealer> {
        let key = hmac::sign(&self.0, &hour);
        let key: [u8; 32] = key.as_ref().try_into().ok()?;
        Some(Sealer::new(&SecretBox::new(Box::new(key))))
    }

    /// Seals content that expires at this time, in seconds since 1970.
    pub(super) fn seal(
        &self,
        kind: &HandleKind,
        expires_at: i64,
        content: &impl Serialize,
    ) -> String {
        // A struct of texts and numbers has a JSON form.
        let json = serde_json::to_vec(content).unwrap_or_default();
        let hour = (expires_at / 3600).to_be_bytes();
        let sealed = self.of_hour(hour).map(|key| key.seal(kind.place, &json));
        let text = URL_SAFE_NO_PAD.encode([hour.as_slice(), &sealed.unwrap_or_default()].concat());
        format!("{}{text}", kind.prefix)
    }

    /// Opens a text of this kind; `None` if it was not sealed here.
    pub(super) fn open<T: DeserializeOwned>(&self, kind: &HandleKind, text: &str) -> Option<T> {
        let encoded = text.strip_prefix(kind.prefix)?;
        let encoded = Some(encoded).filter(|encoded| encoded.len() <= kind.max_length)?;
        let sealed = URL_SAFE_NO_PAD.decode(encoded).ok()?;
        let (hour, sealed) = sealed.split_first_chunk::<HOUR>()?;
        let json = self.of_hour(*hour)?.open(kind.place, sealed).ok()?;
        serde_json::from_slice(&json).ok()
    }
}
