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

/// What a signed cookie is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedCookie {
    /// Ties the sign-in form to the browser that it was shown to.
    SignIn,
    /// Tells a browser that somebody signed in with before.
    KnownBrowser,
}

/// Makes and checks form tokens and signed cookies.
pub trait FormTokens: Send + Sync {
    /// The token for a form.
    fn token(&self, binding: Binding<'_>) -> String;

    /// Whether `token` is the one for this binding; takes the same time whatever it is.
    fn verify(&self, binding: Binding<'_>, token: &str) -> bool;

    /// The cookie that carries `nonce`.
    fn seal_nonce(&self, cookie: SignedCookie, nonce: &[u8; 16]) -> String;

    /// The nonce of a cookie that was made here for this.
    fn open_nonce(&self, cookie: SignedCookie, value: &str) -> Option<[u8; 16]>;
}
