//! One Ed25519 verification, the least that the validation of a new token costs.

use std::sync::LazyLock;

use aws_lc_rs::signature::{
    ED25519, Ed25519KeyPair, KeyPair as _, ParsedPublicKey, Signature, UnparsedPublicKey,
};

/// About the length of the signed part of a token.
const LENGTH: usize = 600;

struct Signed {
    key: ParsedPublicKey,
    message: [u8; LENGTH],
    signature: Signature,
}

static SIGNED: LazyLock<Option<Signed>> = LazyLock::new(|| {
    let pair = Ed25519KeyPair::generate().ok()?;
    let message = [b'x'; LENGTH];
    let key = UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref().to_vec());
    Some(Signed {
        key: key.parse().ok()?,
        signature: pair.sign(&message),
        message,
    })
});

/// Verifies the signature, which is valid.
pub(crate) fn verify() -> bool {
    SIGNED.as_ref().is_some_and(|signed| {
        let signature = signed.signature.as_ref();
        signed.key.verify_sig(&signed.message, signature).is_ok()
    })
}
