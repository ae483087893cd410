//! A secret that callers present.

use aws_lc_rs::{constant_time, digest};
use secrecy::{ExposeSecret as _, SecretString};

/// The SHA-256 of a secret.
pub struct SecretHash(digest::Digest);

impl SecretHash {
    /// The hash of a secret.
    #[must_use]
    pub fn of(secret: &SecretString) -> Self {
        Self(sha256(secret.expose_secret().as_bytes()))
    }

    /// Whether this is the secret. Compares hashes, so that the time of the comparison reveals neither content nor length.
    pub(super) fn matches(&self, presented: &[u8]) -> bool {
        let presented = sha256(presented);
        constant_time::verify_slices_are_equal(self.0.as_ref(), presented.as_ref()).is_ok()
    }
}

fn sha256(bytes: &[u8]) -> digest::Digest {
    digest::digest(&digest::SHA256, bytes)
}
