//! Tokens that tie a form to the browser it was made for (ASVS 3.5.1).

use super::session_id::SessionId;

/// What a form is tied to.
#[derive(Clone, Copy, Debug)]
pub enum Binding<'a> {
    /// A signed-in browser's session.
    Session(&'a SessionId),
    /// A browser before sign-in: the random value in its signed cookie.
    Anonymous(&'a [u8; 16]),
}

/// Makes and checks form tokens and the signed cookie of browsers before sign-in.
pub trait FormTokens: Send + Sync {
    /// The token for a form.
    fn token(&self, binding: Binding<'_>) -> String;

    /// Whether `token` is the one for this binding; takes the same time whatever it is.
    fn verify(&self, binding: Binding<'_>, token: &str) -> bool;

    /// The cookie that carries `nonce`.
    fn seal_nonce(&self, nonce: &[u8; 16]) -> String;

    /// The nonce of a cookie that was made here.
    fn open_nonce(&self, cookie: &str) -> Option<[u8; 16]>;
}
