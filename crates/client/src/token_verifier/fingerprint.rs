//! Fingerprints of access tokens.

use aws_lc_rs::digest::{Context, SHA256};

use crate::token_verifier::{Fingerprint, Fingerprints};

/// By SHA-256.
pub struct Sha256;

impl Fingerprints for Sha256 {
    fn of(&self, token: &str, audience: &str) -> Fingerprint {
        let mut hash = Context::new(&SHA256);
        // No token has one in it.
        hash.update(token.as_bytes());
        hash.update(b"\n");
        hash.update(audience.as_bytes());
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(hash.finish().as_ref());
        fingerprint
    }
}
