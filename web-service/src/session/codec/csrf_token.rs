//! CSRF tokens and signed cookies with a MAC under the key that all instances share.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_core::secret_key::SecretKey;
use secrecy::ExposeSecret as _;

use crate::session::{
    csrf_token::{CsrfScope, CsrfTokens, SignedCookie},
    session_id::SessionId,
};

const NONCE: usize = 16;
const MAC: usize = 32;

/// CSRF tokens by HMAC-SHA-256.
pub struct HmacCsrfTokens(hmac::Key);

impl HmacCsrfTokens {
    /// Tokens under `key`.
    #[must_use]
    pub fn new(key: &SecretKey) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose_secret()))
    }

    fn sign(&self, scope: CsrfScope<'_>) -> hmac::Tag {
        hmac::sign(&self.0, &message(scope))
    }
}

/// The input of a MAC; its first byte separates the scopes.
fn message(scope: CsrfScope<'_>) -> Vec<u8> {
    match scope {
        CsrfScope::Session(id) => [b"s", id.as_bytes().as_slice()].concat(),
        CsrfScope::Person(user_id) => [b"p", user_id.as_bytes()].concat(),
        CsrfScope::Anonymous(nonce) => [b"a", nonce.as_slice()].concat(),
    }
}

fn cookie_message(cookie: SignedCookie, nonce: &[u8]) -> Vec<u8> {
    let purpose = match cookie {
        SignedCookie::SignIn => b"c",
        SignedCookie::KnownBrowser => b"k",
    };
    [purpose, nonce].concat()
}

impl CsrfTokens for HmacCsrfTokens {
    fn anonymous_token(&self, nonce: &[u8; NONCE]) -> String {
        URL_SAFE_NO_PAD.encode(self.sign(CsrfScope::Anonymous(nonce)))
    }

    fn session_token(&self, id: &SessionId, user_id: &str) -> String {
        let session = self.sign(CsrfScope::Session(id));
        let person = self.sign(CsrfScope::Person(user_id));
        URL_SAFE_NO_PAD.encode([session.as_ref(), person.as_ref()].concat())
    }

    fn verify(&self, scope: CsrfScope<'_>, token: &str) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(token) else {
            return false;
        };
        let mac = match (scope, bytes.split_at_checked(MAC)) {
            (CsrfScope::Person(_), Some((_, person))) => person,
            // Pages from before an upgrade have tokens without the part for the person.
            (CsrfScope::Session(_), Some((session, _))) => session,
            (CsrfScope::Person(_) | CsrfScope::Session(_), None) => return false,
            (CsrfScope::Anonymous(_), _) => &bytes,
        };
        hmac::verify(&self.0, &message(scope), mac).is_ok()
    }

    fn seal_nonce(&self, cookie: SignedCookie, nonce: &[u8; NONCE]) -> String {
        let mac = hmac::sign(&self.0, &cookie_message(cookie, nonce));
        URL_SAFE_NO_PAD.encode([nonce.as_slice(), mac.as_ref()].concat())
    }

    fn open_nonce(&self, cookie: SignedCookie, value: &str) -> Option<[u8; NONCE]> {
        let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
        let (nonce, mac) = bytes.split_at_checked(NONCE)?;
        hmac::verify(&self.0, &cookie_message(cookie, nonce), mac).ok()?;
        nonce.try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretBox;

    use super::*;

    fn tokens(byte: u8) -> HmacCsrfTokens {
        HmacCsrfTokens::new(&SecretBox::new(Box::new([byte; 32])))
    }

    #[test]
    fn token_is_valid_for_its_scope_only() {
        let (one, two) = ([1; NONCE], [2; NONCE]);
        let token = tokens(9).anonymous_token(&one);
        assert!(tokens(9).verify(CsrfScope::Anonymous(&one), &token));
        assert!(!tokens(9).verify(CsrfScope::Anonymous(&two), &token));
        assert!(!tokens(8).verify(CsrfScope::Anonymous(&one), &token));
        let session = URL_SAFE_NO_PAD.encode(one).parse().unwrap();
        assert!(!tokens(9).verify(CsrfScope::Session(&session), &token));
        for junk in ["", "AAAA", &token[1..]] {
            assert!(!tokens(9).verify(CsrfScope::Anonymous(&one), junk));
        }
    }

    #[test]
    fn session_token_is_valid_for_its_session_and_its_person() {
        let [one, two] = [[1; 16], [2; 16]]
            .map(|bytes| -> SessionId { URL_SAFE_NO_PAD.encode(bytes).parse().unwrap() });
        let token = tokens(9).session_token(&one, "ada");
        let verify = |scope| tokens(9).verify(scope, &token);
        assert!(verify(CsrfScope::Session(&one)));
        assert!(!verify(CsrfScope::Session(&two)));
        assert!(verify(CsrfScope::Person("ada")));
        assert!(!verify(CsrfScope::Person("bob")));
        assert!(!verify(CsrfScope::Person("")));
        assert!(!verify(CsrfScope::Anonymous(&[1; NONCE])));
        assert!(!tokens(8).verify(CsrfScope::Person("ada"), &token));
        let before_an_upgrade = URL_SAFE_NO_PAD.encode(tokens(9).sign(CsrfScope::Session(&one)));
        assert!(tokens(9).verify(CsrfScope::Session(&one), &before_an_upgrade));
        assert!(!tokens(9).verify(CsrfScope::Person("ada"), &before_an_upgrade));
    }

    #[test]
    fn signed_cookie_opens_with_its_key_and_purpose_only() {
        use SignedCookie::{KnownBrowser, SignIn};
        let cookie = tokens(9).seal_nonce(SignIn, &[1; NONCE]);
        assert_eq!(tokens(9).open_nonce(SignIn, &cookie), Some([1; NONCE]));
        assert_eq!(tokens(8).open_nonce(SignIn, &cookie), None);
        assert_eq!(tokens(9).open_nonce(KnownBrowser, &cookie), None);
        assert_eq!(
            tokens(9).open_nonce(SignIn, &tokens(9).anonymous_token(&[1; NONCE])),
            None
        );
        assert_eq!(tokens(9).open_nonce(SignIn, ""), None);
    }
}
