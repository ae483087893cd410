//! Sealing with AES-256-GCM: of keys at rest under the key-encryption key, and of authentication attempts.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use holdfast_core::secret_key::SecretKey;
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

/// The first byte of sealed bytes. The nonce follows, then the ciphertext with its tag.
const VERSION: u8 = 1;

/// A key that seals: the key-encryption key, or the key of the attempts of an hour.
pub struct Sealer(RandomizedNonceKey);

/// Sealed bytes that cannot be opened: they were sealed with another key or for another name, or have changed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "a stored key cannot be opened; AUTH_KEY_ENCRYPTION_KEY must be the key that this database was created with"
)]
pub struct DoesNotOpen;

impl Sealer {
    /// With this key-encryption key.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "the type has the length")]
    pub fn new(key: &SecretKey) -> Self {
        #[expect(clippy::expect_used, reason = "the type has the length")]
        let key = RandomizedNonceKey::new(&AES_256_GCM, key.expose_secret()).expect("32 bytes");
        Self(key)
    }

    /// Seals a secret for the place `name`; it can be opened for no other.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "keys are shorter than the limit")]
    pub fn seal(&self, name: &str, secret: &[u8]) -> Vec<u8> {
        let mut ciphertext = secret.to_vec();
        #[expect(clippy::expect_used, reason = "keys are shorter than the limit")]
        let nonce = self
            .0
            .seal_in_place_append_tag(aad(name), &mut ciphertext)
            .expect("a key can be sealed");
        [&[VERSION], nonce.as_ref().as_slice(), &ciphertext].concat()
    }

    /// Opens what was sealed for the place `name`.
    ///
    /// # Errors
    /// When it was sealed with another key or for another name, or has changed.
    pub fn open(&self, name: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
        let Some((&VERSION, rest)) = sealed.split_first() else {
            return Err(DoesNotOpen);
        };
        let (nonce, text) = rest.split_at_checked(NONCE_LEN).ok_or(DoesNotOpen)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| DoesNotOpen)?;
        let mut text = Zeroizing::new(text.to_vec());
        let length = self
            .0
            .open_in_place(nonce, aad(name), &mut text)
            .map_err(|_| DoesNotOpen)?
            .len();
        text.truncate(length);
        Ok(text)
    }
}

fn aad(name: &str) -> Aad<Vec<u8>> {
    Aad::from([&[VERSION], name.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use secrecy::SecretBox;

    use super::*;

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&SecretBox::new(Box::new([byte; 32])))
    }

    #[test]
    fn sealed_key_is_opened_only_with_its_key_and_name() {
        let sealed = sealer(1).seal("kid", b"secret");
        assert_eq!(
            sealer(1).open("kid", &sealed).unwrap().as_slice(),
            b"secret"
        );
        assert_eq!(sealer(2).open("kid", &sealed).unwrap_err(), DoesNotOpen);
        assert_eq!(sealer(1).open("dik", &sealed).unwrap_err(), DoesNotOpen);
    }

    #[test]
    fn changed_byte_is_rejected() {
        let sealed = sealer(1).seal("kid", b"secret");
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert_eq!(
                sealer(1).open("kid", &changed).unwrap_err(),
                DoesNotOpen,
                "{index}"
            );
        }
        assert_eq!(sealer(1).open("kid", &[]).unwrap_err(), DoesNotOpen);
        assert_eq!(
            sealer(1).open("kid", &sealed[..9]).unwrap_err(),
            DoesNotOpen
        );
    }
}
