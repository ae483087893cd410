//! Whether tokens are bound to keys.

/// When an issued token is bound to the key of a DPoP proof (RFC 9449).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DpopPolicy {
    /// Never. Logins that were bound before stay bound.
    Off,
    /// When the request has a proof.
    Allow,
    /// Always: a request without a proof is refused. Tokens that web-service keeps for a browser are exempt.
    Require,
}
