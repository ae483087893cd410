//! Why a public key is refused.

/// Why a JWK is not taken as a public key.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidKey {
    /// It is no JSON object with the members of a JWK, or has one of them twice.
    #[error("the key is no JWK in JSON")]
    NoJwk,
    /// Its type or curve is neither of the two.
    #[error("the key is neither OKP of Ed25519 nor EC of P-256")]
    Unsupported,
    /// It has a private or a symmetric member, which is now known to more than its owner.
    #[error("the key has a private member; make another one and give its public half only")]
    Private,
    /// `alg`, `use` or `key_ops` say that it is for something else.
    #[error("alg, use or key_ops of the key say that it does not verify signatures of its curve")]
    OtherPurpose,
    /// A coordinate is not 32 bytes in base64url without padding.
    #[error("a coordinate of the key is not 32 bytes in base64url without padding")]
    Encoding,
    /// The coordinates are no point of the curve, or not in their one canonical form.
    #[error("the key is no point of its curve, or not in its canonical encoding")]
    NotOnCurve,
    /// A point of small order, for which anybody can make signatures.
    #[error("the key is a point of small order, for which anybody can make signatures")]
    SmallOrder,
}
