//! Keys of the token cache.

use aws_lc_rs::digest::{Context, SHA256};

/// SHA-256 over token and audience, so that the memory of the cache contains no token.
pub(super) type Fingerprint = [u8; 32];

/// The fingerprint of a token for `audience`.
pub(super) fn fingerprint(token: &str, audience: &str) -> Fingerprint {
    let mut hash = Context::new(&SHA256);
    hash.update(token.as_bytes());
    // A token contains no line break, so that no other pair has the same input.
    hash.update(b"\n");
    hash.update(audience.as_bytes());
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(hash.finish().as_ref());
    fingerprint
}
