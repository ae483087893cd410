//! Texts with a MAC under a key of their own, which is derived from the key that all instances share.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_core::secret_key::SecretKey;
use secrecy::ExposeSecret as _;

/// Seals and opens texts by HMAC-SHA-256.
pub struct MacCodec(hmac::Key);

impl MacCodec {
    /// A codec whose key is that of `label`: it opens nothing that a codec with another label has sealed.
    #[must_use]
    pub fn new(key: &SecretKey, label: &[u8]) -> Self {
        let shared = hmac::Key::new(hmac::HMAC_SHA256, key.expose_secret());
        let own = hmac::sign(&shared, label);
        Self(hmac::Key::new(hmac::HMAC_SHA256, own.as_ref()))
    }

    /// `body` and a MAC over `context` and `body`, in base64url. No context may be the beginning of another one.
    #[must_use]
    pub fn seal(&self, context: &[u8], body: &[u8]) -> String {
        let mac = hmac::sign(&self.0, &[context, body].concat());
        URL_SAFE_NO_PAD.encode([body, mac.as_ref()].concat())
    }

    /// The body, of `N` bytes, of a text that [`seal`](Self::seal) made in the same context.
    #[must_use]
    pub fn open<const N: usize>(&self, context: &[u8], text: &str) -> Option<[u8; N]> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (body, mac) = bytes.split_at_checked(N)?;
        hmac::verify(&self.0, &[context, body].concat(), mac).ok()?;
        body.try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretBox;

    use super::*;

    #[test]
    fn text_opens_with_its_key_label_and_context_only() {
        let codec = |key, label| MacCodec::new(&SecretBox::new(Box::new([key; 32])), label);
        let sealed = codec(1, b"one").seal(b"context", &[7; 8]);
        let open = |key, label, context| codec(key, label).open::<8>(context, &sealed);
        assert_eq!(open(1, b"one", b"context"), Some([7; 8]));
        assert_eq!(open(2, b"one", b"context"), None);
        assert_eq!(open(1, b"two", b"context"), None);
        assert_eq!(open(1, b"one", b"another"), None);
        assert_eq!(codec(1, b"one").open::<9>(b"context", &sealed), None);
        assert_eq!(codec(1, b"one").open::<8>(b"context", ""), None);
    }
}
