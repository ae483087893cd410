//! Tokens that tie a form to the browser it was made for (ASVS 3.5.1).

use crate::session::session_id::SessionId;

/// What a form is tied to.
#[derive(Clone, Copy, Debug)]
pub enum CsrfScope<'a> {
    /// A signed-in browser's session.
    Session(&'a SessionId),
    /// The person who is signed in, by their `user_id`: for what a form of an older session may still do.
    Person(&'a str),
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
pub trait CsrfTokens: Send + Sync {
    /// The token for a form before sign-in.
    fn anonymous_token(&self, nonce: &[u8; 16]) -> String;

    /// The token for the forms of a signed-in person: tied to their session, and apart from that to the person.
    fn session_token(&self, id: &SessionId, user_id: &str) -> String;

    /// Whether `token` was made for this; takes the same time whatever it is.
    fn verify(&self, binding: CsrfScope<'_>, token: &str) -> bool;

    /// The cookie that carries `nonce`.
    fn seal_nonce(&self, cookie: SignedCookie, nonce: &[u8; 16]) -> String;

    /// The nonce of a cookie that was made here for this.
    fn open_nonce(&self, cookie: SignedCookie, value: &str) -> Option<[u8; 16]>;
}
