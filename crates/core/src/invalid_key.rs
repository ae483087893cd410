//! Reasons for which a public key is refused.

/// Why a JWK is not accepted as a public key.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidKey {
    /// It is not a JSON object with the members of a JWK (RFC 7517 §4), or has a member twice.
    #[error("the key is no JWK in JSON")]
    NoJwk,
    /// Its `kty` and `crv` are neither of the two that are supported.
    #[error("the key is neither OKP of Ed25519 nor EC of P-256")]
    Unsupported,
    /// It has a private or symmetric member, which is compromised by having been sent.
    #[error("the key has a private member; make another one and give its public half only")]
    Private,
    /// `alg`, `use` or `key_ops` declare another purpose.
    #[error("alg, use or key_ops of the key do not allow it to verify signatures of its curve")]
    OtherPurpose,
    /// A coordinate is not 32 bytes in base64url without padding.
    #[error("a coordinate of the key is not 32 bytes in base64url without padding")]
    Encoding,
    /// The coordinates are not a point of the curve, or not in their canonical encoding.
    #[error("the key is no point of its curve, or not in its canonical encoding")]
    NotOnCurve,
    /// It is a point of small order, for which anyone can forge signatures.
    #[error("the key is a point of small order, for which anyone can forge signatures")]
    SmallOrder,
}
