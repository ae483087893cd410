//! Port of CSRF tokens (ASVS 3.5.1).

use crate::session::session_id::SessionId;

/// What a CSRF token is tied to.
#[derive(Clone, Copy, Debug)]
pub enum CsrfScope<'a> {
    /// The session of a browser.
    Session(&'a SessionId),
    /// The account, by `user_id`: accepted for forms of an earlier session of the same person that do no harm.
    Person(&'a str),
    /// A browser before sign-in, by the random value in its signed cookie.
    Anonymous(&'a [u8; 16]),
}

/// The purpose of a signed cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedCookie {
    /// `__Host-login`: ties the sign-in form to the browser.
    SignIn,
    /// `__Host-known`: identifies a browser in which an account signed in before.
    KnownBrowser,
}

/// Makes and verifies CSRF tokens and signed cookies.
pub trait CsrfTokens: Send + Sync {
    /// The token of a form before sign-in.
    fn anonymous_token(&self, nonce: &[u8; 16]) -> String;

    /// The token of the forms of a session, with one part for the session and one for the person.
    fn session_token(&self, id: &SessionId, user_id: &str) -> String;

    /// Whether `token` was made for `scope`; the comparison takes constant time.
    fn verify(&self, scope: CsrfScope<'_>, token: &str) -> bool;

    /// The value of a signed cookie that contains `nonce`.
    fn seal_nonce(&self, cookie: SignedCookie, nonce: &[u8; 16]) -> String;

    /// The nonce of a signed cookie of this installation and purpose.
    fn open_nonce(&self, cookie: SignedCookie, value: &str) -> Option<[u8; 16]>;
}
