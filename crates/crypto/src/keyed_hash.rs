//! Keyed hashes (HMAC-SHA-256, truncated to 128 bits). All instances of an installation share the key.

use aws_lc_rs::hmac;
use holdfast_identity::authentication::{KeyedHash, KeyedHasher};

/// The key of keyed hashes.
pub struct HmacKeyedHasher(hmac::Key);

impl HmacKeyedHasher {
    /// The key from its bytes.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }
}

impl KeyedHasher for HmacKeyedHasher {
    fn hash(&self, parts: &[&[u8]]) -> KeyedHash {
        let mut mac = hmac::Context::with_key(&self.0);
        for part in parts {
            // With its length, so that different parts never give the same input.
            mac.update(&part.len().to_be_bytes());
            mac.update(part);
        }
        let mut hash = [0; 16];
        for (to, from) in hash.iter_mut().zip(mac.sign().as_ref()) {
            *to = *from;
        }
        KeyedHash(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_depends_on_the_key_and_on_each_part() {
        let key = HmacKeyedHasher::new(&[1; 32]);
        let hash = key.hash(&[b"ab", b"c"]);
        assert_eq!(hash, key.hash(&[b"ab", b"c"]));
        assert_ne!(hash, key.hash(&[b"a", b"bc"]));
        assert_ne!(hash, key.hash(&[b"abc"]));
        assert_ne!(hash, HmacKeyedHasher::new(&[2; 32]).hash(&[b"ab", b"c"]));
    }
}
