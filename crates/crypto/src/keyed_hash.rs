//! Names that tell nothing: MACs under a key of this issuer, so that all of its instances give the same name.

use aws_lc_rs::hmac;
use holdfast_identity::authentication::{KeyedHash, KeyedHasher};

/// The key of names.
pub struct HmacKeyedHasher(hmac::Key);

impl HmacKeyedHasher {
    /// Takes the key's bytes.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }
}

impl KeyedHasher for HmacKeyedHasher {
    fn hash(&self, parts: &[&[u8]]) -> KeyedHash {
        let mut mac = hmac::Context::with_key(&self.0);
        for part in parts {
            // With its length, so that no part can pretend to be two.
            mac.update(&part.len().to_be_bytes());
            mac.update(part);
        }
        let mut name = [0; 16];
        for (to, from) in name.iter_mut().zip(mac.sign().as_ref()) {
            *to = *from;
        }
        KeyedHash(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stay_apart_and_names_depend_on_the_key() {
        let key = HmacKeyedHasher::new(&[1; 32]);
        let name = key.hash(&[b"ab", b"c"]);
        assert_eq!(name, key.hash(&[b"ab", b"c"]));
        assert_ne!(name, key.hash(&[b"a", b"bc"]));
        assert_ne!(name, key.hash(&[b"abc"]));
        assert_ne!(name, HmacKeyedHasher::new(&[2; 32]).hash(&[b"ab", b"c"]));
    }
}
